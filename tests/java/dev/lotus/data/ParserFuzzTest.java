package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every parser of a user's data, on files with random bytes changed, cut, doubled or moved: it
 * either reads them or says in an {@link InputException} what is wrong, soon, and within the memory
 * that the file backs. Under a second each; the seed is fixed, so a failure repeats.
 */
class ParserFuzzTest {
  private static final long NANOS = 700_000_000L;
  private static final long ONE_CASE_NANOS = 5_000_000_000L;

  @TempDir Path temp;

  private interface Parser {
    void parse(byte[] bytes) throws IOException;
  }

  private static byte[] mutate(byte[] valid, SplittableRandom random) {
    byte[] bytes = valid.clone();
    int changes = 1 + random.nextInt(6);
    for (int i = 0; i < changes && bytes.length > 0; i++) {
      int at = random.nextInt(Math.min(bytes.length, random.nextBoolean() ? 700 : bytes.length));
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] = (byte) random.nextInt(256);
        case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 2 -> bytes[at] = (byte) (random.nextBoolean() ? 0xff : 0x7f);
        case 3 -> bytes = java.util.Arrays.copyOf(bytes, at);
        case 4 -> System.arraycopy(valid, 0, bytes, at, Math.min(valid.length, bytes.length - at));
        default -> {
          int end = Math.min(bytes.length, at + 1 + random.nextInt(8));
          java.util.Arrays.fill(bytes, at, end, (byte) (random.nextBoolean() ? 0 : 0xff));
        }
      }
    }
    return bytes;
  }

  private static void fuzz(String what, byte[] valid, Parser parser) throws IOException {
    parser.parse(valid);
    SplittableRandom random = new SplittableRandom(what.hashCode());
    long start = System.nanoTime();
    int cases = 0;
    int refused = 0;
    while (System.nanoTime() - start < NANOS) {
      byte[] bytes = mutate(valid, random);
      long begin = System.nanoTime();
      cases++;
      try {
        parser.parse(bytes);
      } catch (InputException e) {
        refused++;
        assertThat(e.getMessage()).isNotBlank();
      } catch (RuntimeException | Error e) {
        throw new AssertionError(what + ", case " + cases + " of the seed", e);
      }
      assertThat(System.nanoTime() - begin).as(what + ", case " + cases).isLessThan(ONE_CASE_NANOS);
    }
    assertThat(refused).as(what + ": of " + cases + " cases some must be wrong").isPositive();
  }

  private static byte[] golden(String name) throws IOException {
    return Files.readAllBytes(SampleImages.FOLDER.resolveSibling(name));
  }

  @Test
  void pickles() throws IOException {
    byte[] valid = golden("cifar-python/cifar-10-batches-py/data_batch_4");
    fuzz("pickle", valid, bytes -> Unpickler.read("fuzz", bytes, NumpyBytes::find));
  }

  @Test
  void pickledMeta() throws IOException {
    byte[] valid = golden("cifar-python/cifar-100-python/meta");
    fuzz("meta", valid, bytes -> CifarFile.names("fuzz", bytes, "fine_label_names"));
  }

  @Test
  void matlab() throws IOException {
    fuzz("matlab", golden("imagenet/meta-plain.mat"), bytes -> SynsetFile.read("fuzz", bytes));
    fuzz("packed matlab", golden("imagenet/meta.mat"), bytes -> SynsetFile.read("fuzz", bytes));
  }

  @Test
  void jpeg() throws IOException {
    byte[] target = new byte[3 * 16 * 16];
    byte[] valid = SampleImages.bytes("progressive.jpg");
    fuzz(
        "jpeg",
        valid,
        bytes -> ImageDecoder.decode("fuzz", bytes, ImageSize.exactly(16), target, 0));
  }

  @Test
  void pngHeader() throws IOException {
    fuzz("png", SampleImages.bytes("rgb.png"), bytes -> ImageHeader.check("fuzz", bytes));
  }

  @Test
  void tars() throws IOException {
    byte[] valid = SampleFiles.tar(SampleFiles.cifar(1));
    Path file = temp.resolve("fuzz.tar");
    fuzz(
        "tar",
        valid,
        bytes -> {
          Files.write(file, bytes);
          try (FileTree tree = FileTree.open(file)) {
            tree.files().forEach(tree::read);
          }
        });
  }

  @Test
  void zips() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("a/b.jpg", SampleImages.bytes("rgb.jpg"));
    files.put("a/c.txt", new byte[5000]);
    Path file = temp.resolve("fuzz.zip");
    fuzz(
        "zip",
        SampleImages.zip(files),
        bytes -> {
          Files.write(file, bytes);
          try (FileTree tree = FileTree.open(file)) {
            tree.files().forEach(tree::read);
          }
        });
  }

  @Test
  void idx() throws IOException {
    Path folder = SampleFiles.write(temp.resolve("mnist"), SampleFiles.idx(20, 10));
    Path images = folder.resolve("train-images-idx3-ubyte");
    fuzz(
        "idx",
        Files.readAllBytes(images),
        bytes -> {
          Files.write(images, bytes);
          Datasets.open("mnist", folder, 0);
        });
  }
}
