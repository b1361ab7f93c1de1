package dev.lotus.backbone;

import dev.lotus.backbone.Checkpoint.Loaded;
import dev.lotus.data.AtomicFiles;
import dev.lotus.data.SafetensorsHeader;
import dev.lotus.data.SafetensorsHeader.DType;
import dev.lotus.data.SafetensorsHeader.Entry;
import dev.lotus.device.InputException;
import dev.lotus.device.NativeScope;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Safetensors files that tell damage: the last tensor, {@code sha256}, 32 bytes, is the SHA-256 of
 * every byte before it, header included. Other readers see one tensor more.
 */
public final class SealedTensors {
  /** The file was read, and is not what was written. */
  public static final class DamagedException extends Exception {
    private static final long serialVersionUID = 1L;

    DamagedException(String message) {
      super(message);
    }
  }

  private static final String SEAL = "sha256";
  private static final int SEAL_BYTES = 32;
  private static final int CHUNK = 1 << 20;

  private SealedTensors() {}

  /**
   * Writes tensors of any device and memory format; the file appears whole or not at all.
   *
   * @param previous takes the file that was there
   * @throws InputException if the place cannot be written; the old file is then still there, under
   *     its own name or under that of {@code previous}
   */
  public static void write(
      Path file, Path previous, Map<String, Tensor> tensors, Map<String, String> metadata) {
    List<Map.Entry<String, Tensor>> order = Checkpoint.byWidth(tensors);
    List<Entry> entries = Checkpoint.entries(order);
    long end = entries.isEmpty() ? 0 : entries.get(entries.size() - 1).end();
    entries.add(new Entry(SEAL, DType.U8, new long[] {SEAL_BYTES}, end, end + SEAL_BYTES));
    AtomicFiles.replace(
        file,
        previous,
        out -> {
          DigestOutputStream digested = new DigestOutputStream(out, sha256());
          digested.write(SafetensorsHeader.encode(entries, metadata));
          Checkpoint.writeData(order, digested);
          out.write(digested.getMessageDigest().digest());
        });
  }

  /**
   * Reads the whole file once and compares its seal.
   *
   * @return the file's texts
   * @throws DamagedException if any byte is not the one that was written
   * @throws InputException if it cannot be read: nothing is then known of its content
   */
  public static Map<String, String> verify(Path file) throws DamagedException {
    try (InputStream in = Files.newInputStream(file);
        FileChannel channel = FileChannel.open(file)) {
      long size = channel.size();
      if (size < 8 + SEAL_BYTES) {
        throw new DamagedException(file + ": " + size + " bytes: the file is cut off");
      }
      MessageDigest digest = sha256();
      byte[] chunk = new byte[CHUNK];
      for (long left = size - SEAL_BYTES; left > 0; ) {
        int read = in.read(chunk, 0, (int) Math.min(CHUNK, left));
        if (read < 0) {
          throw new DamagedException(file + ": ends while being read");
        }
        digest.update(chunk, 0, read);
        left -= read;
      }
      if (!MessageDigest.isEqual(digest.digest(), in.readNBytes(SEAL_BYTES))) {
        throw new DamagedException(file + ": its SHA-256 is not the one it was written with");
      }
      int length = SafetensorsHeader.length(ByteBuffer.wrap(Checkpoint.bytes(channel, 0, 8)), size);
      return SafetensorsHeader.parse(Checkpoint.bytes(channel, 8, length), size - 8 - length)
          .metadata();
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e + ")", e);
    }
  }

  /**
   * Reads the tensors of a file that {@link #verify} has found whole.
   *
   * @return the tensors on the CPU without the seal; they belong to the caller's scope
   */
  public static Map<String, Tensor> read(Path file) {
    try (NativeScope scope = new NativeScope();
        FileChannel channel = FileChannel.open(file)) {
      Loaded loaded =
          Checkpoint.readSafetensors(
              file, channel, channel.size(), Checkpoint.bytes(channel, 0, 8));
      loaded.tensors().remove(SEAL);
      loaded.tensors().values().forEach(scope::keep);
      return loaded.tensors();
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e + ")", e);
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
