package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** CIFAR-100, and the Python versions, whose files Python and numpy wrote. */
class CifarVersionsTest {
  private static final Path GOLDEN =
      Path.of(System.getProperty("lotus.basedir", "."), "tests/golden/cifar-python");

  @TempDir Path temp;

  @Test
  void pythonAndBinaryVersionHoldTheSameImages() throws IOException {
    Dataset binary =
        Datasets.open("cifar10", SampleFiles.write(temp.resolve("bin"), SampleFiles.cifar(2)), 0);
    Dataset python = Datasets.open("cifar10", GOLDEN.resolve("cifar-10-batches-py"), 0);
    assertThat(python.classNames()).startsWith("plane", "car");
    assertThat(python.train().size()).isEqualTo(10);
    byte[] a = new byte[3072];
    byte[] b = new byte[3072];
    for (int i = 0; i < 10; i++) {
      binary.train().read(i, a, 0);
      python.train().read(i, b, 0);
      assertThat(b).isEqualTo(a);
      assertThat(python.train().label(i)).isEqualTo(binary.train().label(i));
    }
  }

  @Test
  void cifar100InBothVersions() throws IOException {
    Dataset python = Datasets.open("cifar100", GOLDEN, 0);
    assertThat(python.classes()).isEqualTo(100);
    assertThat(python.classNames()).endsWith("fine 99");
    assertThat(python.train().label(6)).isEqualTo(1);
    Dataset binary = Datasets.open("cifar100", binary100(95, 7), 0);
    assertThat(binary.train().size()).isEqualTo(7);
    byte[] a = new byte[3072];
    byte[] b = new byte[3072];
    for (int i = 0; i < 7; i++) {
      assertThat(binary.train().label(i)).isEqualTo(python.train().label(i));
      binary.train().read(i, a, 0);
      python.train().read(i, b, 0);
      assertThat(b).isEqualTo(a);
    }
  }

  private Path binary100(int number, int count) throws IOException {
    byte[] train = new byte[count * 3074];
    for (int i = 0; i < count; i++) {
      train[i * 3074] = 17;
      train[i * 3074 + 1] = (byte) ((number + i) % 100);
      for (int p = 0; p < 3072; p++) {
        train[i * 3074 + 2 + p] = (byte) (7 * number + 3 * i + p);
      }
    }
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("train.bin", train);
    files.put("test.bin", train);
    String names = IntStream.range(0, 100).mapToObj(k -> "c" + k).collect(Collectors.joining("\n"));
    files.put("fine_label_names.txt", names.getBytes());
    return SampleFiles.write(temp.resolve("cifar-100-binary"), files);
  }

  @Test
  void thePythonArchiveOpensToo() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (String name : new String[] {"meta", "test", "train"}) {
      files.put(
          "cifar-100-python/" + name,
          Files.readAllBytes(GOLDEN.resolve("cifar-100-python").resolve(name)));
    }
    Path archive = temp.resolve("cifar-100-python.tar.gz");
    Files.write(archive, SampleFiles.gzip(SampleFiles.tar(files)));
    assertThat(Datasets.open("cifar100", archive, 0).sha256())
        .isEqualTo(Datasets.open("cifar100", GOLDEN, 0).sha256());
  }

  @Test
  void aWrongLabelAndAHostilePickleAreRefused() throws IOException {
    Path folder = binary100(99, 2);
    byte[] train = Files.readAllBytes(folder.resolve("train.bin"));
    train[1] = 100;
    Files.write(folder.resolve("train.bin"), train);
    assertThatThrownBy(() -> Datasets.open("cifar100", folder, 0))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("record 0 (byte 1) has the label 100, must be 0..99");
    Path python = Files.createDirectories(temp.resolve("py"));
    Files.writeString(python.resolve("train"), "cos\nsystem\n(S'echo'\ntR.");
    Files.writeString(python.resolve("test"), "N.");
    assertThatThrownBy(() -> Datasets.open("cifar100", python, 0))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("os.system");
  }
}
