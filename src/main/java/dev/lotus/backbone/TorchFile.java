package dev.lotus.backbone;

import dev.lotus.data.Unpickler;
import dev.lotus.device.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * State dicts as {@code torch.save} writes them. Zip form: {@code ROOT/data.pkl}, a storage's bytes
 * in {@code ROOT/data/KEY}, the byte order in {@code ROOT/byteorder}. Legacy form: five pickles
 * (magic number, protocol, machine, the object, the storages' keys), then for each key its number
 * of elements in 8 bytes and its data, little-endian on every machine. Pickles are read by {@link
 * TorchPickle} alone: no code of a file runs.
 */
final class TorchFile {
  /** Longest pickle accepted, in bytes; that of ViT-B/16 with its optimizer has some 100,000. */
  private static final int MAX_PICKLE = 64 << 20;

  /** What the legacy form begins with. */
  private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);

  private static final long LEGACY_PROTOCOL = 1001;
  private static final int CHUNK = 1 << 20;

  private TorchFile() {}

  /** True if the first bytes are those of a zip archive. */
  static boolean isZip(byte[] first) {
    return first.length >= 4
        && first[0] == 'P'
        && first[1] == 'K'
        && first[2] == 3
        && first[3] == 4;
  }

  /**
   * True if the first 8 bytes are those of a pickle. A safetensors file may begin alike, but its
   * header is shorter than 4 GiB, so that the upper half of the length is zero.
   */
  static boolean isPickle(byte[] first) {
    return first[0] == (byte) 0x80
        && first[1] >= 2
        && first[1] <= 5
        && (first[4] | first[5] | first[6] | first[7]) != 0;
  }

  /**
   * True if the archive is a TorchScript program.
   *
   * @throws InputException if it is no sound archive
   */
  static boolean isTorchScript(Path file) {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      Set<String> names = names(zip);
      return names.stream().anyMatch(name -> name.endsWith("/constants.pkl"))
          && names.stream().anyMatch(name -> name.contains("/code/"));
    } catch (InputException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new InputException(file + ": is no sound zip archive (" + e.getMessage() + ")", e);
    }
  }

  /** The entries' names, each once: of two with one name, readers take one or the other. */
  private static Set<String> names(ZipFile zip) {
    Set<String> names = new LinkedHashSet<>();
    try {
      zip.stream().map(ZipEntry::getName).forEach(name -> requireNew(names.add(name), name));
    } catch (InputException e) {
      throw e;
    } catch (IllegalArgumentException e) { // a name that is no text
      throw new InputException("is no sound zip archive (" + e.getMessage() + ")", e);
    }
    return names;
  }

  private static void requireNew(boolean isNew, String name) {
    if (!isNew) {
      throw new InputException(
          "the archive has " + Unpickler.printable(name) + " twice; save it again");
    }
  }

  /**
   * Reads the state dict of a zip archive.
   *
   * @param size of the file in bytes: the storages may not need more
   * @return tensors of the innermost open scope
   */
  static Map<String, Tensor> readZip(Path file, long size) throws IOException {
    try (ZipFile zip = new ZipFile(file.toFile())) {
      String root =
          names(zip).stream()
              .filter(name -> name.endsWith("/data.pkl") || name.equals("data.pkl"))
              .map(name -> name.substring(0, name.length() - "data.pkl".length()))
              .findFirst()
              .orElseThrow(
                  () -> new InputException("a zip archive without data.pkl: no torch.save file"));
      ByteBuffer pickle = ByteBuffer.wrap(small(zip, root + "data.pkl", MAX_PICKLE));
      Map<String, TensorRef> refs = StateDicts.find(new TorchPickle(pickle).read());
      boolean swap = bigEndian(zip, root);
      return tensors(
          refs,
          size,
          storage -> {
            String name = root + "data/" + storage.key();
            ZipEntry entry = stored(zip, name);
            if (entry.getSize() != storage.bytes()) {
              throw new InputException(
                  name
                      + " has "
                      + entry.getSize()
                      + " bytes, its storage "
                      + storage.bytes()
                      + ": the file is damaged");
            }
            Tensor data = empty(storage);
            try (CheckedInputStream in =
                new CheckedInputStream(zip.getInputStream(entry), new CRC32())) {
              fill(data, in, swap ? storage.elementBytes() : 1);
              requireChecksum(entry, in);
            }
            return data;
          });
    }
  }

  /** Zip readers of Java do not look at it; 0 where the writer left it out. */
  private static void requireChecksum(ZipEntry entry, CheckedInputStream in) {
    if (entry.getCrc() != 0 && entry.getCrc() != in.getChecksum().getValue()) {
      throw new InputException(
          String.format(
              "%s has the checksum %08x, not %08x as recorded: the file is damaged; fetch it again",
              Unpickler.printable(entry.getName()), in.getChecksum().getValue(), entry.getCrc()));
    }
  }

  private static boolean bigEndian(ZipFile zip, String root) throws IOException {
    if (zip.getEntry(root + "byteorder") == null) {
      return false; // files older than the entry are little-endian
    }
    String order = new String(small(zip, root + "byteorder", 16)).strip();
    if (!order.equals("little") && !order.equals("big")) {
      throw new InputException("byteorder is neither little nor big");
    }
    return order.equals("big");
  }

  private static byte[] small(ZipFile zip, String name, int max) throws IOException {
    ZipEntry entry = stored(zip, name);
    if (entry.getSize() > max) {
      throw new InputException(name + " has " + entry.getSize() + " bytes, more than " + max);
    }
    try (CheckedInputStream in = new CheckedInputStream(zip.getInputStream(entry), new CRC32())) {
      byte[] bytes = in.readNBytes((int) entry.getSize());
      requireChecksum(entry, in);
      return bytes;
    }
  }

  /** An entry that is there and not compressed: torch never compresses, a bomb must. */
  private static ZipEntry stored(ZipFile zip, String name) {
    ZipEntry entry = zip.getEntry(name);
    if (entry == null) {
      throw new InputException("the archive has no " + name + ": the file is damaged");
    }
    if (entry.getMethod() != ZipEntry.STORED) {
      throw new InputException(name + " is compressed, which torch.save never does");
    }
    return entry;
  }

  private static void fill(Tensor tensor, InputStream in, int swapped) throws IOException {
    BytePointer memory = new BytePointer(tensor.data_ptr());
    byte[] chunk = new byte[(int) Math.min(CHUNK, tensor.nbytes())];
    for (long done = 0; done < tensor.nbytes(); ) {
      int part = (int) Math.min(chunk.length, tensor.nbytes() - done);
      if (in.readNBytes(chunk, 0, part) < part) {
        throw new InputException("a storage ends before its size: the file is cut off");
      }
      for (int at = 0; swapped > 1 && at < part; at += swapped) {
        for (int i = at, j = at + swapped - 1; i < j; i++, j--) {
          byte kept = chunk[i];
          chunk[i] = chunk[j];
          chunk[j] = kept;
        }
      }
      memory.position(done).put(chunk, 0, part);
      done += part;
    }
  }

  /** Reads the state dict of a file in legacy form; parameters as {@link #readZip}. */
  static Map<String, Tensor> readLegacy(FileChannel channel, long size) throws IOException {
    ByteBuffer start =
        ByteBuffer.wrap(Checkpoint.bytes(channel, 0, (int) Math.min(size, MAX_PICKLE)));
    TorchPickle pickles = new TorchPickle(start);
    if (!MAGIC.equals(pickles.read())) {
      throw new InputException("a pickle, but not one of torch.save");
    }
    Object protocol = pickles.read();
    if (!Long.valueOf(LEGACY_PROTOCOL).equals(protocol)) {
      throw new InputException("a torch.save file of a protocol other than " + LEGACY_PROTOCOL);
    }
    pickles.read(); // sizes of C types on the writer's machine: nothing here depends on them
    Map<String, TensorRef> refs = StateDicts.find(pickles.read());
    if (!(pickles.read() instanceof List<?> keys)) {
      throw new InputException("the list of storages is missing");
    }
    Map<String, Long> places = places(channel, start.position(), size, keys, pickles);
    return tensors(
        refs,
        size,
        storage -> {
          Long place = places.get(storage.key());
          if (place == null) {
            throw new InputException("storage " + storage.name() + " is not in the file");
          }
          Tensor data = empty(storage);
          Checkpoint.fill(data, channel, place);
          return data;
        });
  }

  private static Map<String, Long> places(
      FileChannel channel, long begin, long size, List<?> keys, TorchPickle pickles)
      throws IOException {
    Map<String, Long> places = new LinkedHashMap<>();
    long at = begin;
    for (Object key : keys) {
      StorageRef storage = key instanceof String name ? pickles.storages().get(name) : null;
      if (storage == null) {
        throw new InputException("the list of storages names one that no tensor has");
      }
      if (size - at < 8) {
        throw new InputException("ends at byte " + size + " before storage " + storage.name());
      }
      long elements =
          ByteBuffer.wrap(Checkpoint.bytes(channel, at, 8))
              .order(ByteOrder.LITTLE_ENDIAN)
              .getLong();
      at += 8;
      if (elements != storage.elements() || storage.bytes() > size - at) {
        throw new InputException(
            "storage "
                + storage.name()
                + " of "
                + storage.elements()
                + " elements has "
                + elements
                + " at byte "
                + at
                + " of "
                + size
                + ": the file is cut off or damaged");
      }
      places.put(storage.key(), at);
      at += storage.bytes();
    }
    return places;
  }

  /** Reads one storage into a tensor of one axis. */
  private interface Source {
    Tensor read(StorageRef storage) throws IOException;
  }

  /** Only storages that a tensor of the state dict needs are read, each once; tensors are views. */
  private static Map<String, Tensor> tensors(Map<String, TensorRef> refs, long size, Source source)
      throws IOException {
    Map<String, Tensor> storages = new LinkedHashMap<>();
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    long left = size;
    for (Map.Entry<String, TensorRef> named : refs.entrySet()) {
      TensorRef ref = named.getValue();
      StorageRef storage = ref.storage();
      Tensor data = storages.get(storage.key());
      if (data == null) {
        left -= Math.min(storage.bytes(), Long.MAX_VALUE / 2);
        if (left < 0) {
          throw new InputException("the storages need more bytes than the file has: " + size);
        }
        data = source.read(storage);
        storages.put(storage.key(), data);
      }
      tensors.put(
          named.getKey(),
          data.as_strided(ref.size(), ref.stride(), new LongOptional(ref.offset())));
    }
    return tensors;
  }

  private static Tensor empty(StorageRef storage) {
    return torch.torch_empty(
        new long[] {storage.elements()}, new TensorOptions(storage.type()), null);
  }
}
