package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * CIFAR-10 in its binary version: data_batch_1.bin to data_batch_5.bin and test_batch.bin, records
 * of one label byte and 3,072 pixel bytes (red, green, blue plane of 32x32), and batches.meta.txt
 * with the class names. Any number of records a file is accepted, so subsets work.
 *
 * @see <a href="https://www.cs.toronto.edu/~kriz/cifar.html">the format</a>
 */
final class Cifar10 {
  private static final int PIXELS = 3 * 32 * 32;
  private static final int RECORD = 1 + PIXELS;
  private static final int CLASSES = 10;
  private static final String ARCHIVE = "cifar-10-binary.tar.gz";
  private static final String META = "batches.meta.txt";
  private static final List<String> TRAIN =
      List.of(
          "data_batch_1.bin",
          "data_batch_2.bin",
          "data_batch_3.bin",
          "data_batch_4.bin",
          "data_batch_5.bin");
  private static final String TEST = "test_batch.bin";
  private static final List<String> NAMES =
      List.of(
          "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck");
  private static final String WANTED =
      "data_batch_1.bin .. data_batch_5.bin and test_batch.bin, or be " + ARCHIVE;

  private Cifar10() {}

  /** Where a file's bytes come from, and how to name it in a message. */
  private interface Source {
    String locate(String name);

    /** Null if there is no such file. */
    byte[] read(String name);
  }

  static Dataset open(Path given) {
    Source source = source(given);
    Checksum checksum = new Checksum();
    ImageSet train = read(source, TRAIN, checksum);
    ImageSet test = read(source, List.of(TEST), checksum);
    return new Dataset(
        "cifar10", train, test, names(source), checksum.hex(), Normalization.CIFAR10, 4, false);
  }

  private static Source source(Path given) {
    if (Files.isRegularFile(given)) {
      return archive(given);
    }
    Path folder = DataFolder.find(given, "cifar10", WANTED, Cifar10::holdsAny);
    if (folder != null) {
      return folder(folder);
    }
    Path packed =
        DataFolder.find(
            given, "cifar10", WANTED, place -> Files.isRegularFile(place.resolve(ARCHIVE)));
    if (packed != null) {
      return archive(packed.resolve(ARCHIVE));
    }
    boolean python =
        null
            != DataFolder.find(
                given, "cifar10", WANTED, p -> Files.isRegularFile(p.resolve("data_batch_1")));
    throw new InputException(
        "no CIFAR-10 files in --data "
            + given
            + " or two levels below; it should hold "
            + WANTED
            + (python ? " (it holds the Python version; the binary version is needed)" : ""));
  }

  private static boolean holdsAny(Path folder) {
    return Files.isRegularFile(folder.resolve(TRAIN.get(0)))
        || Files.isRegularFile(folder.resolve(TEST));
  }

  private static Source folder(Path folder) {
    return new Source() {
      @Override
      public String locate(String name) {
        return folder.resolve(name).toString();
      }

      @Override
      public byte[] read(String name) {
        Path file = folder.resolve(name);
        try {
          return Files.exists(file) ? Files.readAllBytes(file) : null;
        } catch (IOException e) {
          throw new InputException("cannot read " + file + ": " + AtomicFiles.reason(e), e);
        }
      }
    };
  }

  private static Source archive(Path archive) {
    Set<String> wanted = new TreeSet<>(TRAIN);
    wanted.add(TEST);
    wanted.add(META);
    Map<String, byte[]> files = TarReader.read(archive, wanted);
    return new Source() {
      @Override
      public String locate(String name) {
        return archive + ":" + name;
      }

      @Override
      public byte[] read(String name) {
        return files.get(name);
      }
    };
  }

  private static ImageSet read(Source source, List<String> names, Checksum checksum) {
    List<byte[]> files = new ArrayList<>();
    long records = 0;
    for (String name : names) {
      byte[] bytes = source.read(name);
      check(source.locate(name), bytes);
      checksum.add(bytes);
      files.add(bytes);
      records += bytes.length / RECORD;
    }
    if (records * PIXELS > Integer.MAX_VALUE - 8) {
      throw new InputException(
          source.locate(names.get(0))
              + " and those after it hold "
              + records
              + " images; at most "
              + Integer.MAX_VALUE / PIXELS
              + " fit in memory");
    }
    byte[] pixels = new byte[(int) records * PIXELS];
    byte[] labels = new byte[(int) records];
    int at = 0;
    for (byte[] file : files) {
      for (int start = 0; start < file.length; start += RECORD, at++) {
        labels[at] = file[start];
        System.arraycopy(file, start + 1, pixels, at * PIXELS, PIXELS);
      }
    }
    return new MemoryImages(3, 32, 32, pixels, labels);
  }

  private static void check(String file, byte[] bytes) {
    if (bytes == null) {
      throw new InputException(file + " is missing; a CIFAR-10 folder should hold " + WANTED);
    }
    if (bytes.length == 0) {
      throw new InputException(file + " is empty; fetch it again");
    }
    if (bytes.length % RECORD != 0) {
      throw new InputException(
          file
              + " is cut off: "
              + bytes.length
              + " bytes are "
              + bytes.length / RECORD
              + " records of "
              + RECORD
              + " and "
              + bytes.length % RECORD
              + " bytes more; fetch it again");
    }
    for (int start = 0; start < bytes.length; start += RECORD) {
      int label = bytes[start] & 0xff;
      if (label >= CLASSES) {
        throw new InputException(
            file
                + ": record "
                + start / RECORD
                + " (byte "
                + start
                + ") has the label "
                + label
                + ", must be 0..9; is it CIFAR-10's binary version?");
      }
    }
  }

  private static List<String> names(Source source) {
    byte[] meta = source.read(META);
    if (meta == null) {
      return NAMES;
    }
    List<String> names =
        new String(meta, StandardCharsets.UTF_8)
            .lines()
            .map(String::strip)
            .filter(line -> !line.isEmpty())
            .toList();
    if (names.size() != CLASSES) {
      throw new InputException(
          source.locate(META) + " names " + names.size() + " classes, must name " + CLASSES);
    }
    return names;
  }
}
