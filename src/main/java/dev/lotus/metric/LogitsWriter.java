package dev.lotus.metric;

import dev.lotus.data.AtomicFiles;
import dev.lotus.data.SafetensorsHeader;
import dev.lotus.data.SafetensorsHeader.DType;
import dev.lotus.data.SafetensorsHeader.Entry;
import dev.lotus.device.InputException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes what {@link StoredLogits} reads: logits as F32, labels as I64. Rows go to a nameless
 * temporary file as they come, so no matrix is held; {@link #finish} makes the file, whole.
 */
public final class LogitsWriter implements AutoCloseable {
  private final Path file;
  private final FileChannel spool;
  private final List<Entry> entries = new ArrayList<>();
  private long end;

  /**
   * @param file the file to be
   * @throws InputException where its folder cannot be written
   */
  public LogitsWriter(Path file) {
    this.file = file;
    try {
      Path folder = file.toAbsolutePath().getParent();
      Files.createDirectories(folder);
      this.spool =
          FileChannel.open(
              Files.createTempFile(folder, ".logits", ".tmp"),
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
    } catch (IOException e) {
      throw new InputException("cannot write " + file + ": " + e, e);
    }
  }

  /**
   * Begins the logits of a model on a set; exactly {@code rows} rows must follow.
   *
   * @param base such as {@code unlearned.forget}
   * @return takes the rows, any number at a time, one after the other
   */
  public LogitsSink logits(String base, int rows, int classes) {
    begin(base + ".logits", DType.F32, rows, classes);
    return values -> {
      ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(values);
      append(bytes);
    };
  }

  /** The labels of a set. */
  public void labels(String set, int[] labels) {
    begin(set + ".labels", DType.I64, labels.length);
    ByteBuffer bytes = ByteBuffer.allocate(8 * labels.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int label : labels) {
      bytes.putLong(label);
    }
    append(bytes.flip());
  }

  private void begin(String name, DType dtype, long... shape) {
    requireComplete();
    long bytes = dtype.bytes;
    for (long extent : shape) {
      bytes *= extent;
    }
    // A reader that maps the file wants every tensor at a multiple of its elements.
    if (end % dtype.bytes != 0) {
      throw new IllegalStateException("write the labels before the logits");
    }
    entries.add(new Entry(name, dtype, shape, end, end + bytes));
    end += bytes;
  }

  private void append(ByteBuffer bytes) {
    try {
      while (bytes.hasRemaining()) {
        spool.write(bytes);
      }
    } catch (IOException e) {
      throw new InputException("cannot write " + file + ": " + e, e);
    }
  }

  private void requireComplete() {
    try {
      if (spool.position() != end) {
        throw new IllegalStateException(
            entries.get(entries.size() - 1).name()
                + " has "
                + (spool.position() - entries.get(entries.size() - 1).begin())
                + " bytes of "
                + (end - entries.get(entries.size() - 1).begin()));
      }
    } catch (IOException e) {
      throw new InputException("cannot write " + file + ": " + e, e);
    }
  }

  /**
   * Makes the file appear.
   *
   * @throws InputException where it cannot be written
   */
  public void finish() {
    requireComplete();
    AtomicFiles.write(
        file,
        out -> {
          out.write(SafetensorsHeader.encode(entries, Map.of()));
          copy(out);
        });
  }

  private void copy(OutputStream out) throws IOException {
    spool.position(0);
    Channels.newInputStream(spool).transferTo(out);
  }

  @Override
  public void close() {
    try {
      spool.close();
    } catch (IOException e) {
      // The spool is thrown away; what counts has been written and synced by finish.
      return;
    }
  }
}
