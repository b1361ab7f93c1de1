package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class Cifar10Test {
  @TempDir Path temp;

  private static Dataset open(Path place) {
    return Datasets.open("cifar10", place, 0);
  }

  private static AbstractThrowableAssert<?, ?> assertRefused(Path place) {
    return assertThatThrownBy(() -> open(place))
        .isInstanceOf(InputException.class)
        .hasMessageNotContaining("\n");
  }

  private Path folder(Map<String, byte[]> files) throws IOException {
    return SampleFiles.write(temp.resolve("cifar-10-batches-bin"), files);
  }

  private Path archive(byte[] tar) throws IOException {
    Path archive = temp.resolve("cifar-10-binary.tar.gz");
    Files.write(archive, SampleFiles.gzip(tar));
    return archive;
  }

  private static Map<String, byte[]> inFolder(Map<String, byte[]> files) {
    Map<String, byte[]> moved = new LinkedHashMap<>();
    files.forEach((name, bytes) -> moved.put("cifar-10-batches-bin/" + name, bytes));
    return moved;
  }

  @Test
  void readsRecordsInOrderAsChannelPlanes() throws IOException {
    Dataset data = open(folder(SampleFiles.cifar(3)));

    assertThat(data.name()).isEqualTo("cifar10");
    assertThat(data.train().size()).isEqualTo(15);
    assertThat(data.heldOut().size()).isEqualTo(3);
    assertThat(data.classes()).isEqualTo(10);
    assertThat(data.classNames()).startsWith("airplane", "automobile");
    // Sample 7 is record 1 of batch 3.
    assertThat(data.train().label(7)).isEqualTo(4);
    byte[] image = new byte[3072 + 5];
    data.train().read(7, image, 5);
    byte[] batch = SampleFiles.cifarBatch(3, 3);
    int start = SampleFiles.RECORD + 1;
    assertThat(Arrays.copyOfRange(image, 5, image.length))
        .isEqualTo(Arrays.copyOfRange(batch, start, start + 3072));
  }

  @Test
  void folderItsParentAndArchiveAreTheSameData() throws IOException {
    Map<String, byte[]> files = SampleFiles.cifar(2);
    Dataset folder = open(folder(files));
    Dataset parent = open(temp);
    Path elsewhere = Files.createDirectory(temp.resolve("packed"));
    // The order inside the archive is not the published order.
    Map<String, byte[]> shuffled = new LinkedHashMap<>();
    shuffled.put("test_batch.bin", files.get("test_batch.bin"));
    shuffled.putAll(files);
    Path archive = elsewhere.resolve("cifar-10-binary.tar.gz");
    Files.write(archive, SampleFiles.gzip(SampleFiles.tar(inFolder(shuffled))));

    assertThat(parent.sha256()).isEqualTo(folder.sha256()).hasSize(64);
    assertThat(open(archive).sha256()).isEqualTo(folder.sha256());
    assertThat(open(elsewhere).sha256()).isEqualTo(folder.sha256());
    assertThat(open(archive).train().label(3)).isEqualTo(folder.train().label(3));
  }

  @Test
  void anotherPixelIsAnotherChecksum() throws IOException {
    Map<String, byte[]> files = SampleFiles.cifar(2);
    String before = open(folder(files)).sha256();
    files.get("test_batch.bin")[100]++;
    assertThat(open(folder(files)).sha256()).isNotEqualTo(before);
  }

  @Test
  void takesClassNamesFromTheMetaFile() throws IOException {
    Map<String, byte[]> files = SampleFiles.cifar(1);
    files.put("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n".getBytes());
    assertThat(open(folder(files)).classNames()).startsWith("a", "b").hasSize(10);
    files.put("batches.meta.txt", "a\nb\n".getBytes());
    assertRefused(folder(files)).hasMessageContaining("batches.meta.txt names 2 classes");
  }

  @Test
  void namesAMissingFolder() {
    assertRefused(temp.resolve("nowhere"))
        .hasMessageContaining("nowhere does not exist")
        .hasMessageContaining("data_batch_1.bin");
  }

  @Test
  void namesWhatAnEmptyFolderShouldHold() {
    assertRefused(temp)
        .hasMessageContaining(temp.toString())
        .hasMessageContaining("cifar-10-binary.tar.gz");
  }

  @Test
  void needsAPlace() {
    assertRefused(null).hasMessageContaining("cifar10 needs --data");
  }

  @Test
  void namesAMissingBatch() throws IOException {
    Map<String, byte[]> files = SampleFiles.cifar(1);
    files.remove("data_batch_4.bin");
    assertRefused(folder(files)).hasMessageContaining("data_batch_4.bin is missing");
  }

  @Test
  void refusesATruncatedFile() throws IOException {
    Map<String, byte[]> files = SampleFiles.cifar(3);
    files.computeIfPresent("data_batch_2.bin", (name, all) -> Arrays.copyOf(all, 9000));
    assertRefused(folder(files))
        .hasMessageContaining("data_batch_2.bin is cut off")
        .hasMessageContaining("9000 bytes are 2 records of 3073 and 2854 bytes more");
  }

  @Test
  void refusesAnEmptyFile() throws IOException {
    Map<String, byte[]> files = SampleFiles.cifar(1);
    files.put("test_batch.bin", new byte[0]);
    assertRefused(folder(files)).hasMessageContaining("test_batch.bin is empty");
  }

  @Test
  void refusesAWrongLabel() throws IOException {
    Map<String, byte[]> files = SampleFiles.cifar(3);
    files.get("data_batch_5.bin")[2 * SampleFiles.RECORD] = (byte) 200;
    assertRefused(folder(files))
        .hasMessageContaining("data_batch_5.bin: record 2 (byte 6146) has the label 200");
  }

  @Test
  void refusesATruncatedArchive() throws IOException {
    byte[] whole = SampleFiles.gzip(SampleFiles.tar(inFolder(SampleFiles.cifar(2))));
    Path archive = temp.resolve("cifar-10-binary.tar.gz");
    Files.write(archive, Arrays.copyOf(whole, whole.length / 2));
    assertRefused(archive)
        .hasMessageContaining("no complete .tar.gz")
        .hasMessageContaining("fetch");
  }

  @Test
  void refusesAnArchiveCutOffInsideAnEntry() throws IOException {
    byte[] tar = SampleFiles.tar(inFolder(SampleFiles.cifar(2)));
    assertRefused(archive(Arrays.copyOf(tar, 512 + 1000)))
        .hasMessageContaining("data_batch_1.bin) is cut off: 1000 of 6146");
  }

  @Test
  void refusesAFileThatIsNoArchive() throws IOException {
    Path file = temp.resolve("cifar-10-binary.tar.gz");
    Files.writeString(file, "<html>not found</html>");
    assertRefused(file).hasMessageContaining("Not in GZIP format");
  }

  @Test
  void refusesADamagedArchiveHeader() throws IOException {
    byte[] tar = SampleFiles.tar(inFolder(SampleFiles.cifar(1)));
    tar[3] ^= 1;
    assertRefused(archive(tar)).hasMessageContaining("entry 0 has a damaged header");
  }

  @Test
  void refusesAnArchiveThatPointsOutside() throws IOException {
    byte[] tar = SampleFiles.tar(Map.of("x/../../data_batch_1.bin", new byte[3073]));
    assertRefused(archive(tar))
        .hasMessageContaining("points outside the archive: x/../../data_batch_1.bin");
  }

  @Test
  void refusesAnEntryOfAbsurdSize() throws IOException {
    byte[] header = SampleFiles.tarHeader("data_batch_1.bin", 1L << 32);
    assertRefused(archive(header)).hasMessageContaining("4294967296 bytes");
  }
}
