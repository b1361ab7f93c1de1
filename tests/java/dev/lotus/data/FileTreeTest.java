package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Archives are read in place; hostile ones are refused. */
class FileTreeTest {
  @TempDir Path temp;

  private Path file(String name, byte[] bytes) throws IOException {
    return Files.write(temp.resolve(name), bytes);
  }

  @Test
  void folderAndArchivesHoldTheSameFiles() throws IOException {
    Map<String, byte[]> files = SampleImages.imageFolder();
    Path folder = SampleImages.write(temp.resolve("folder"), files);
    List<Path> archives =
        List.of(
            file("a.zip", SampleImages.zip(files)),
            file("a.tar", SampleFiles.tar(files)),
            file("a.tar.gz", SampleFiles.gzip(SampleFiles.tar(files))));
    try (FileTree expected = FileTree.open(folder)) {
      assertThat(expected.files())
          .containsExactly(
              "train/ant/notes.txt",
              "train/ant/z.jpg",
              "train/cat/a.png",
              "train/cat/b.jpg",
              "train/cat/c.jpeg",
              "val/ant/1.png",
              "val/cat/1.jpg",
              "val/cat/2.png");
      for (Path archive : archives) {
        try (FileTree tree = FileTree.open(archive)) {
          assertThat(tree.files()).isEqualTo(expected.files());
          for (String path : tree.files()) {
            assertThat(tree.read(path)).isEqualTo(expected.read(path));
          }
          assertThatThrownBy(() -> tree.read("nowhere")).hasMessageContaining("nowhere is missing");
        }
      }
    }
  }

  @Test
  void orderIsByClassFolderThenFolderThenName() {
    List<String> sorted =
        Stream.of("a.b/x", "a/y", "a/c/b", "a/x", "A/z", "é/1", "\ud83d\ude00/1", "\uffee/1")
            .sorted(FileTree.ORDER)
            .toList();
    assertThat(sorted)
        .containsExactly(
            "A/z", "a/x", "a/y", "a/c/b", "a.b/x", "é/1", "\uffee/1", "\ud83d\ude00/1");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../evil.jpg", "/etc/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:\\e"})
  void noPathEscapes(String name) throws IOException {
    Map<String, byte[]> files = Map.of(name, new byte[4]);
    for (Path archive :
        List.of(
            file("h.zip", SampleImages.zip(files)),
            file("h.tar", SampleFiles.tar(files)),
            file("h.tar.gz", SampleFiles.gzip(SampleFiles.tar(files))))) {
      assertThatThrownBy(() -> FileTree.open(archive))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("points outside the archive");
    }
    try (Stream<Path> left = Files.list(temp)) {
      assertThat(left).hasSize(3);
    }
  }

  @Test
  void aZipThatClaimsMoreThanItCanHoldIsRefused() throws IOException {
    byte[] zip = SampleImages.zip(Map.of("bomb.jpg", new byte[1 << 20]));
    int entry = indexOf(zip, new byte[] {'P', 'K', 1, 2});
    for (int i = 0; i < 3; i++) {
      zip[entry + 24 + i] = (byte) 0xff;
    }
    zip[entry + 27] = 0x7f;
    assertThatThrownBy(() -> FileTree.open(file("bomb.zip", zip)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("bomb.jpg claims 2147483647 bytes");
    // A size that is small but wrong is found when the entry is read.
    zip[entry + 24] = 10;
    zip[entry + 25] = 0;
    zip[entry + 26] = 0;
    zip[entry + 27] = 0;
    try (FileTree tree = FileTree.open(file("lie.zip", zip))) {
      assertThatThrownBy(() -> tree.read("bomb.jpg")).hasMessageContaining("another size");
    }
  }

  @Test
  void aZipIsCheckedAgainstItsSums() throws IOException {
    byte[] zip = SampleImages.zip(Map.of("a.jpg", "0123456789".repeat(50).getBytes()));
    int entry = indexOf(zip, new byte[] {'P', 'K', 1, 2});
    zip[entry + 16] ^= 1;
    try (FileTree tree = FileTree.open(file("sum.zip", zip))) {
      assertThatThrownBy(() -> tree.read("a.jpg"))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("sum.zip:a.jpg is damaged");
    }
  }

  /** One packed kernel, claimed by many entries: the form of bomb that no single ratio betrays. */
  @Test
  void aZipWithOverlappingEntriesIsRefused() throws IOException {
    Map<String, byte[]> files = new java.util.LinkedHashMap<>();
    byte[] noise = new byte[4000];
    new java.util.Random(1).nextBytes(noise);
    files.put("a.jpg", noise);
    for (int i = 0; i < 9; i++) {
      files.put("b" + i + ".jpg", new byte[1]);
    }
    byte[] zip = SampleImages.zip(files);
    int first = indexOf(zip, new byte[] {'P', 'K', 1, 2});
    for (int at = first; at + 46 < zip.length && zip[at] == 'P' && zip[at + 2] == 1; ) {
      // Every entry gets the first one's sum, sizes and place.
      System.arraycopy(zip, first + 16, zip, at + 16, 12);
      System.arraycopy(zip, first + 42, zip, at + 42, 4);
      at += 46 + (zip[at + 28] & 0xff) + (zip[at + 30] & 0xff);
    }
    assertThatThrownBy(() -> FileTree.open(file("overlap.zip", zip)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("overlap");
  }

  /** More entries than 16 bits can count. */
  @Test
  void zip64() throws IOException {
    Map<String, byte[]> files = new java.util.LinkedHashMap<>();
    for (int i = 0; i < 66_000; i++) {
      files.put("c/" + i + ".jpg", new byte[] {(byte) i});
    }
    try (FileTree tree = FileTree.open(file("many.zip", SampleImages.zip(files)))) {
      assertThat(tree.files()).hasSize(66_000);
      assertThat(tree.read("c/65999.jpg")).containsExactly((byte) 65999);
    }
  }

  @Test
  void filesAreFoundAtAnyDepth() throws IOException {
    String deep = "d/".repeat(40) + "x.jpg";
    Path file = temp.resolve("deep").resolve(deep);
    Files.createDirectories(file.getParent());
    Files.write(file, new byte[] {1});
    assertThat(FileTree.open(temp.resolve("deep")).files()).containsExactly(deep);
  }

  @Test
  void aLinkThatLeadsNowhereIsNamed() throws IOException {
    Path folder = Files.createDirectories(temp.resolve("links/a"));
    Files.createSymbolicLink(folder.resolve("gone.jpg"), temp.resolve("nowhere.jpg"));
    Files.createSymbolicLink(folder.resolve("there.jpg"), file("there.jpg", new byte[] {7}));
    try (FileTree tree = FileTree.open(folder)) {
      assertThat(tree.files()).containsExactly("gone.jpg", "there.jpg");
      assertThat(tree.read("there.jpg")).containsExactly(7);
      assertThatThrownBy(() -> tree.read("gone.jpg"))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("gone.jpg: no such file");
    }
    Files.createSymbolicLink(folder.resolve("loop"), folder);
    assertThatThrownBy(() -> FileTree.open(folder)).hasMessageContaining("FileSystemLoop");
  }

  private static int indexOf(byte[] bytes, byte[] wanted) {
    for (int i = 0; ; i++) {
      if (java.util.Arrays.equals(bytes, i, i + 4, wanted, 0, 4)) {
        return i;
      }
    }
  }

  /** 400 MB a file, out of one megabyte: stopped by the limit on what is held in memory. */
  @Test
  void aCompressedBombIsStopped() throws IOException {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    byte[] zeros = new byte[1 << 20];
    try (OutputStream out = new GZIPOutputStream(packed)) {
      for (int f = 0; f < 40; f++) {
        out.write(SampleFiles.tarHeader("f" + f + ".bin", 500L << 20));
        for (int i = 0; f < 1 && i < 4; i++) {
          out.write(zeros);
        }
      }
    }
    assertThatThrownBy(() -> FileTree.open(file("bomb.tar.gz", packed.toByteArray())))
        .isInstanceOf(InputException.class);
    byte[] huge = SampleFiles.tarHeader("f.bin", 1L << 32);
    assertThatThrownBy(() -> FileTree.open(file("huge.tar.gz", SampleFiles.gzip(huge))))
        .hasMessageContaining("4294967296 bytes");
    assertThatThrownBy(() -> FileTree.open(file("huge.tar", huge))).hasMessageContaining("cut off");
  }

  @Test
  void longNamesOfBothKinds() throws IOException {
    String longName = "train/" + "x".repeat(150) + "/a.jpg";
    for (int kind = 0; kind < 2; kind++) {
      String record = " path=" + longName + "\n";
      String pax = (record.length() + 3) + record;
      byte[] text = (kind == 0 ? longName + "\0" : pax).getBytes(StandardCharsets.UTF_8);
      byte[] header = SampleFiles.tarHeader("././@LongLink", text.length);
      header[156] = (byte) (kind == 0 ? 'L' : 'x');
      fixSum(header);
      ByteArrayOutputStream tar = new ByteArrayOutputStream();
      tar.writeBytes(header);
      tar.writeBytes(java.util.Arrays.copyOf(text, 512));
      tar.writeBytes(SampleFiles.tar(Map.of("short.jpg", new byte[] {1, 2, 3})));
      try (FileTree tree = FileTree.open(file("long" + kind + ".tar", tar.toByteArray()))) {
        assertThat(tree.files()).containsExactly(longName);
        assertThat(tree.read(longName)).containsExactly(1, 2, 3);
      }
    }
  }

  private static void fixSum(byte[] header) {
    int sum = 0;
    for (int i = 0; i < 512; i++) {
      sum += i >= 148 && i < 156 ? ' ' : header[i] & 0xff;
    }
    byte[] digits = String.format("%06o\0 ", sum).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(digits, 0, header, 148, 8);
  }

  @Test
  void otherFilesAreNamed() throws IOException {
    assertThatThrownBy(() -> FileTree.open(file("x.txt", "hello".getBytes())))
        .hasMessageContaining("x.txt is no folder and no archive");
    assertThatThrownBy(() -> FileTree.open(temp.resolve("nowhere")))
        .hasMessageContaining("does not exist");
  }
}
