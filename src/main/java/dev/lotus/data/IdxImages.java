package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPInputStream;

/**
 * MNIST and its kin: train- and t10k- images-idx3-ubyte and labels-idx1-ubyte, gzipped or not.
 * Big-endian header (magic 2051: count, rows, columns; magic 2049: count), then one byte a pixel or
 * label. Any count is accepted, so subsets work.
 *
 * @see <a href="https://github.com/zalandoresearch/fashion-mnist">Fashion-MNIST</a>
 */
final class IdxImages {
  private static final int IMAGE_MAGIC = 2051;
  private static final int LABEL_MAGIC = 2049;
  private static final int CLASSES = 10;
  private static final int MAX_SIDE = 4096;
  private static final List<String> DIGITS =
      List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9");
  private static final List<String> GARMENTS =
      List.of(
          "T-shirt/top",
          "Trouser",
          "Pullover",
          "Dress",
          "Coat",
          "Sandal",
          "Shirt",
          "Sneaker",
          "Bag",
          "Ankle boot");
  private static final String WANTED =
      "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
          + "t10k-labels-idx1-ubyte (each may be .gz)";

  private IdxImages() {}

  static Dataset open(String name, Path given) {
    // One of the files stands for its folder.
    Path start =
        Files.isRegularFile(given) ? given.toAbsolutePath().normalize().getParent() : given;
    Path folder = DataFolder.find(start, name, WANTED, IdxImages::holdsAny);
    if (folder == null) {
      throw new InputException(
          "no "
              + name
              + " files in --data "
              + given
              + " or two levels below; it should hold "
              + WANTED);
    }
    Checksum checksum = new Checksum();
    ImageSet train = read(folder, "train", checksum);
    ImageSet test = read(folder, "t10k", checksum);
    if (train.height() != test.height() || train.width() != test.width()) {
      throw new InputException(
          folder
              + ": training images are "
              + train.height()
              + "x"
              + train.width()
              + ", test images "
              + test.height()
              + "x"
              + test.width()
              + "; they must be alike");
    }
    boolean fashion = name.equals("fashion-mnist");
    return new Dataset(
        name,
        train,
        test,
        fashion ? GARMENTS : DIGITS,
        checksum.hex(),
        fashion ? Normalization.FASHION_MNIST : Normalization.MNIST);
  }

  private static boolean holdsAny(Path folder) {
    return locate(folder, "train-images-idx3-ubyte") != null
        || locate(folder, "t10k-images-idx3-ubyte") != null;
  }

  /**
   * The file, plain or gzipped, also under the spelling with a dot that some mirrors use; null if
   * absent.
   */
  private static Path locate(Path folder, String name) {
    for (String spelling : List.of(name, name.replace("-idx", ".idx"))) {
      for (String ending : List.of("", ".gz")) {
        Path file = folder.resolve(spelling + ending);
        if (Files.isRegularFile(file)) {
          return file;
        }
      }
    }
    return null;
  }

  private static ImageSet read(Path folder, String part, Checksum checksum) {
    Idx images = load(folder, part + "-images-idx3-ubyte", IMAGE_MAGIC, 3, checksum);
    Idx labels = load(folder, part + "-labels-idx1-ubyte", LABEL_MAGIC, 1, checksum);
    int count = labels.dims[0];
    if (images.dims[0] != count) {
      throw new InputException(
          images.file
              + " has "
              + images.dims[0]
              + " images, "
              + labels.file
              + " has "
              + count
              + " labels; the two files do not belong together");
    }
    for (int i = 0; i < count; i++) {
      int label = labels.body[i] & 0xff;
      if (label >= CLASSES) {
        throw new InputException(
            labels.file
                + ": record "
                + i
                + " (byte "
                + (8 + i)
                + ") has the label "
                + label
                + ", must be 0..9; fetch it again");
      }
    }
    return new MemoryImages(1, images.dims[1], images.dims[2], images.body, labels.body);
  }

  private record Idx(Path file, int[] dims, byte[] body) {}

  private static Idx load(Path folder, String name, int magic, int rank, Checksum checksum) {
    Path file = locate(folder, name);
    if (file == null) {
      throw new InputException(
          folder.resolve(name) + "[.gz] is missing; the folder should hold " + WANTED);
    }
    try (InputStream in = open(file)) {
      byte[] header = in.readNBytes(4 + 4 * rank);
      checksum.add(header);
      int[] dims = dims(file, header, magic, rank);
      long expected = 1;
      for (int dim : dims) {
        expected *= dim;
      }
      // Twice this much is needed while a packed file is read.
      long room = Math.min(Integer.MAX_VALUE - 8, Runtime.getRuntime().maxMemory() / 4);
      if (expected > room) {
        throw new InputException(
            file
                + " says it holds "
                + expected
                + " bytes, at most "
                + room
                + " are read into this memory; LOTUS_JAVA_OPTS=-Xmx gives more");
      }
      byte[] body = in.readNBytes((int) expected);
      checksum.add(body);
      if (body.length < expected) {
        throw new InputException(
            file
                + " is cut off: its header says "
                + expected
                + " bytes follow, "
                + body.length
                + " do; fetch it again");
      }
      if (in.read() >= 0) {
        throw new InputException(
            file + " has more bytes than the " + expected + " its header says; fetch it again");
      }
      return new Idx(file, dims, body);
    } catch (IOException e) {
      boolean packed = file.toString().endsWith(".gz");
      String kind = packed ? " is no complete gzip file: " : " cannot be read: ";
      throw new InputException(file + kind + AtomicFiles.reason(e) + "; fetch it again", e);
    }
  }

  private static InputStream open(Path file) throws IOException {
    InputStream raw = Files.newInputStream(file);
    if (!file.toString().endsWith(".gz")) {
      return new BufferedInputStream(raw);
    }
    try {
      return new GZIPInputStream(raw, 1 << 16);
    } catch (IOException e) {
      raw.close();
      throw e;
    }
  }

  private static int[] dims(Path file, byte[] header, int magic, int rank) {
    if (header.length < 4 + 4 * rank) {
      throw new InputException(
          file
              + " is cut off: "
              + header.length
              + " of "
              + (4 + 4 * rank)
              + " header bytes are there; fetch it again");
    }
    ByteBuffer fields = ByteBuffer.wrap(header);
    int found = fields.getInt();
    if (found != magic) {
      throw new InputException(
          file
              + " starts with the magic number "
              + found
              + ", must be "
              + magic
              + "; is it an idx"
              + rank
              + "-ubyte file?");
    }
    int[] dims = new int[rank];
    for (int i = 0; i < rank; i++) {
      dims[i] = fields.getInt();
      if (dims[i] < 1 || (i > 0 && dims[i] > MAX_SIDE)) {
        throw new InputException(
            file
                + ": its header gives the size "
                + dims[i]
                + " at byte "
                + (4 + 4 * i)
                + (i == 0 ? ", must be at least 1" : ", must be 1.." + MAX_SIDE));
      }
    }
    return dims;
  }
}
