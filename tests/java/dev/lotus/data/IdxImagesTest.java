package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdxImagesTest {
  @TempDir Path temp;

  private static AbstractThrowableAssert<?, ?> assertRefused(Path place) {
    return assertThatThrownBy(() -> Datasets.open("mnist", place, 0))
        .isInstanceOf(InputException.class)
        .hasMessageNotContaining("\n");
  }

  private Path with(String name, byte[] bytes) throws IOException {
    Map<String, byte[]> files = SampleFiles.idx(20, 10);
    files.put(name, bytes);
    return SampleFiles.write(temp, files);
  }

  @Test
  void readsPlainAndGzippedAlike() throws IOException {
    Map<String, byte[]> files = SampleFiles.idx(20, 10);
    Path plain = SampleFiles.write(temp.resolve("plain"), files);
    Path packed = SampleFiles.write(temp.resolve("packed"), SampleFiles.gzipped(files));
    Dataset a = Datasets.open("mnist", plain, 0);
    Dataset b = Datasets.open("mnist", packed, 0);

    assertThat(a.sha256()).isEqualTo(b.sha256());
    for (Dataset data : new Dataset[] {a, b}) {
      assertThat(data.train().size()).isEqualTo(20);
      assertThat(data.heldOut().size()).isEqualTo(10);
      assertThat(data.train().channels()).isEqualTo(1);
      assertThat(data.train().height()).isEqualTo(4);
      assertThat(data.train().label(13)).isEqualTo(3);
      byte[] image = new byte[16];
      data.train().read(13, image, 0);
      byte[] file = files.get("train-images-idx3-ubyte");
      assertThat(image).isEqualTo(Arrays.copyOfRange(file, 16 + 13 * 16, 16 + 14 * 16));
    }
  }

  @Test
  void findsItsFolderFromAboveAndFromAFile() throws IOException {
    SampleFiles.write(temp.resolve("FashionMNIST/raw"), SampleFiles.idx(30, 10));
    SampleFiles.write(temp.resolve("MNIST/raw"), SampleFiles.idx(20, 10));
    assertThat(Datasets.open("fashion-mnist", temp, 0).train().size()).isEqualTo(30);
    assertThat(Datasets.open("mnist", temp, 0).train().size()).isEqualTo(20);
    Path file = temp.resolve("MNIST/raw/t10k-labels-idx1-ubyte");
    assertThat(Datasets.open("mnist", file, 0).train().size()).isEqualTo(20);
    assertThat(Datasets.open("mnist", temp, 0).classNames()).contains("7");
    assertThat(Datasets.open("fashion-mnist", temp, 0).classNames()).contains("Sandal");
  }

  @Test
  void doesNotTakeFashionMnistForMnist() throws IOException {
    SampleFiles.write(temp.resolve("fashion-mnist-subset"), SampleFiles.idx(20, 10));
    assertRefused(temp).hasMessageContaining("no mnist files").hasMessageContaining("t10k-");
  }

  @Test
  void asksWhichOfTwoFolders() throws IOException {
    SampleFiles.write(temp.resolve("one"), SampleFiles.idx(20, 10));
    SampleFiles.write(temp.resolve("two"), SampleFiles.idx(20, 10));
    assertRefused(temp).hasMessageContaining("several folders").hasMessageContaining("two");
  }

  @Test
  void refusesAMissingFolder() {
    assertRefused(temp.resolve("nowhere")).hasMessageContaining("nowhere does not exist");
  }

  @Test
  void namesAMissingFile() throws IOException {
    Files.delete(with("x", new byte[0]).resolve("train-labels-idx1-ubyte"));
    assertRefused(temp).hasMessageContaining("train-labels-idx1-ubyte[.gz] is missing");
  }

  @Test
  void refusesAWrongMagicNumber() throws IOException {
    assertRefused(with("train-images-idx3-ubyte", SampleFiles.idxImages(2050, 20, 4)))
        .hasMessageContaining("train-images-idx3-ubyte starts with the magic number 2050")
        .hasMessageContaining("2051");
  }

  @Test
  void refusesATruncatedFile() throws IOException {
    byte[] whole = SampleFiles.idxImages(2051, 20, 4);
    assertRefused(with("train-images-idx3-ubyte", Arrays.copyOf(whole, 116)))
        .hasMessageContaining("header says 320 bytes follow, 100 do");
  }

  @Test
  void refusesATruncatedHeader() throws IOException {
    assertRefused(with("t10k-labels-idx1-ubyte", new byte[] {0, 0, 8}))
        .hasMessageContaining("t10k-labels-idx1-ubyte is cut off: 3 of 8 header bytes");
  }

  @Test
  void refusesBytesTooMany() throws IOException {
    byte[] whole = SampleFiles.idxLabels(2049, 20);
    assertRefused(with("train-labels-idx1-ubyte", Arrays.copyOf(whole, 29)))
        .hasMessageContaining("more bytes than the 20");
  }

  @Test
  void refusesAnAbsurdSize() throws IOException {
    byte[] bytes = SampleFiles.idxImages(2051, 20, 4);
    bytes[8] = 0x7f;
    assertRefused(with("train-images-idx3-ubyte", bytes))
        .hasMessageContaining("size 2130706436 at byte 8");
  }

  @Test
  void refusesCountsThatDiffer() throws IOException {
    assertRefused(with("train-labels-idx1-ubyte", SampleFiles.idxLabels(2049, 19)))
        .hasMessageContaining("20 images")
        .hasMessageContaining("19 labels");
  }

  @Test
  void refusesAWrongLabel() throws IOException {
    byte[] labels = SampleFiles.idxLabels(2049, 20);
    labels[8 + 5] = (byte) 200;
    assertRefused(with("train-labels-idx1-ubyte", labels))
        .hasMessageContaining("record 5 (byte 13) has the label 200");
  }

  @Test
  void refusesACorruptGzipFile() throws IOException {
    Map<String, byte[]> files = SampleFiles.gzipped(SampleFiles.idx(20, 10));
    byte[] packed = files.get("train-images-idx3-ubyte.gz");
    packed[packed.length - 6] ^= 1;
    assertRefused(SampleFiles.write(temp, files))
        .hasMessageContaining("train-images-idx3-ubyte.gz is no complete gzip file");
    files.put("train-images-idx3-ubyte.gz", Arrays.copyOf(packed, packed.length / 2));
    assertRefused(SampleFiles.write(temp, files))
        .hasMessageContaining("train-images-idx3-ubyte.gz is no complete gzip file");
    files.put("train-images-idx3-ubyte.gz", new byte[] {1, 2, 3});
    assertRefused(SampleFiles.write(temp, files))
        .hasMessageContaining("train-images-idx3-ubyte.gz is no complete gzip file");
  }

  @Test
  void refusesTestImagesOfAnotherSize() throws IOException {
    assertRefused(with("t10k-images-idx3-ubyte", SampleFiles.idxImages(2051, 10, 5)))
        .hasMessageContaining("4x4")
        .hasMessageContaining("5x5");
  }
}
