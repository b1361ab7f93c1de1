package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What tar writers write beside plain files: nothing of it is left out silently. */
class TarFormsTest {
  private static final byte[] CONTENT = {1, 2, 3};

  @TempDir Path temp;
  private final ByteArrayOutputStream tar = new ByteArrayOutputStream();

  private TarFormsTest add(char type, String name, String link, byte[] content) {
    byte[] header = SampleFiles.tarHeader(name, content.length);
    header[156] = (byte) type;
    byte[] target = link.getBytes(StandardCharsets.UTF_8);
    System.arraycopy(target, 0, header, 157, target.length);
    fixSum(header);
    tar.writeBytes(header);
    tar.writeBytes(Arrays.copyOf(content, (content.length + 511) / 512 * 512));
    return this;
  }

  private TarFormsTest pax(String... records) {
    StringBuilder text = new StringBuilder();
    for (String record : records) {
      int length = record.length() + 2;
      length += Integer.toString(length + 2).length();
      text.append(length).append(' ').append(record).append('\n');
    }
    return add('x', "PaxHeaders/x", "", text.toString().getBytes(StandardCharsets.UTF_8));
  }

  private static void fixSum(byte[] header) {
    Arrays.fill(header, 148, 156, (byte) ' ');
    int sum = 0;
    for (byte b : header) {
      sum += b & 0xff;
    }
    byte[] digits = String.format("%06o\0 ", sum).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(digits, 0, header, 148, 8);
  }

  private FileTree open() throws IOException {
    tar.writeBytes(new byte[1024]);
    return FileTree.open(Files.write(temp.resolve("forms.tar"), tar.toByteArray()));
  }

  private void refused(String text) {
    assertThatThrownBy(this::open).isInstanceOf(InputException.class).hasMessageContaining(text);
  }

  @Test
  void linksToFilesOfTheArchiveStandForThem() throws IOException {
    add('0', "a/one.jpg", "", CONTENT);
    add('1', "a/hard.jpg", "a/one.jpg", new byte[0]);
    add('2', "b/soft.jpg", "../a/one.jpg", new byte[0]);
    add('2', "b/softer.jpg", "soft.jpg", new byte[0]);
    add('1', "b/hard-of-soft.jpg", "b/softer.jpg", new byte[0]);
    try (FileTree tree = open()) {
      assertThat(tree.files())
          .containsExactly(
              "a/hard.jpg", "a/one.jpg", "b/hard-of-soft.jpg", "b/soft.jpg", "b/softer.jpg");
      for (String path : tree.files()) {
        assertThat(tree.read(path)).isEqualTo(CONTENT);
      }
    }
  }

  @Test
  void linksToElsewhereAreNamedWhenRead() throws IOException {
    add('2', "a/out.jpg", "../../etc/passwd", new byte[0]);
    add('2', "a/absolute.jpg", "/etc/passwd", new byte[0]);
    add('2', "a/x.jpg", "y.jpg", new byte[0]);
    add('2', "a/y.jpg", "x.jpg", new byte[0]);
    add('1', "a/gone.jpg", "a/nowhere.jpg", new byte[0]);
    try (FileTree tree = open()) {
      assertThat(tree.files()).hasSize(5);
      for (String path : tree.files()) {
        assertThatThrownBy(() -> tree.read(path))
            .isInstanceOf(InputException.class)
            .hasMessageContaining(path + " is a link to ");
      }
    }
  }

  @Test
  void linksOfAClassArchiveStayInsideIt() throws IOException {
    add('0', "one.JPEG", "", CONTENT);
    add('1', "two.JPEG", "one.JPEG", new byte[0]);
    tar.writeBytes(new byte[1024]);
    byte[] inner = tar.toByteArray();
    tar.reset();
    add('0', "n01.tar", "", inner);
    try (FileTree tree = open()) {
      assertThat(tree.files()).containsExactly("n01/one.JPEG", "n01/two.JPEG");
      assertThat(tree.read("n01/two.JPEG")).isEqualTo(CONTENT);
    }
  }

  @Test
  void paxGivesNameLinkAndSize() throws IOException {
    String name = "d/" + "n".repeat(200) + ".jpg";
    // A value may hold anything, also what looks like another record.
    pax("comment=line\n20 path=evil.jpg", "path=" + name, "size=3", "mtime=1.5");
    byte[] header = SampleFiles.tarHeader("short", 0);
    tar.writeBytes(header);
    tar.writeBytes(Arrays.copyOf(CONTENT, 512));
    pax("linkpath=" + name);
    add('1', "hard.jpg", "cut off here", new byte[0]);
    add('K', "././@LongLink", "", (name + "\0").getBytes(StandardCharsets.UTF_8));
    add('1', "gnu.jpg", "cut off here", new byte[0]);
    try (FileTree tree = open()) {
      assertThat(tree.files()).containsExactly("gnu.jpg", "hard.jpg", name);
      for (String path : tree.files()) {
        assertThat(tree.read(path)).isEqualTo(CONTENT);
      }
    }
  }

  @Test
  void damagedPaxHeadersAreRefused() {
    for (String bad :
        new String[] {"5 a\n", "99 path=x\n", "path=x\n", "0 path=x\n", "12 path=abcd"}) {
      tar.reset();
      add('x', "p", "", bad.getBytes(StandardCharsets.UTF_8)).add('0', "a", "", CONTENT);
      refused("pax");
    }
    tar.reset();
    pax("size=-5").add('0', "a", "", CONTENT);
    refused("'-5'");
    tar.reset();
    add('x', "p", "", new byte[(1 << 20) + 1]);
    refused("1048577 bytes");
  }

  @Test
  void whatCannotBeReadIsRefusedByName() {
    add('S', "sparse.jpg", "", CONTENT);
    refused("sparse.jpg) is a sparse file");
    tar.reset();
    pax("GNU.sparse.major=1").add('0', "a", "", CONTENT);
    refused("sparse");
    tar.reset();
    add('M', "rest.jpg", "", CONTENT);
    refused("rest.jpg) goes on from another volume");
  }

  /** Before POSIX there was no magic number, no type for folders, and no prefix. */
  @Test
  void oldArchivesAreRead() throws IOException {
    for (String name : new String[] {"a/", "a/b.jpg"}) {
      byte[] header = SampleFiles.tarHeader(name, name.endsWith("/") ? 0 : CONTENT.length);
      Arrays.fill(header, 156, 512, (byte) 0);
      fixSum(header);
      tar.writeBytes(header);
    }
    tar.writeBytes(Arrays.copyOf(CONTENT, 512));
    // Folders and links have no content, whatever size is written.
    byte[] folder = SampleFiles.tarHeader("d", 4096);
    folder[156] = '5';
    fixSum(folder);
    tar.writeBytes(folder);
    try (FileTree tree = open()) {
      assertThat(tree.files()).containsExactly("a/b.jpg");
      assertThat(tree.read("a/b.jpg")).isEqualTo(CONTENT);
    }
  }

  @Test
  void dotsAndDoubledSlashesAreNoOtherFiles() throws IOException {
    add('0', "./a//b.jpg", "", CONTENT).add('0', "c/./d.jpg", "", CONTENT);
    try (FileTree tree = open()) {
      assertThat(tree.files()).containsExactly("a/b.jpg", "c/d.jpg");
    }
    tar.reset();
    add('0', "./a.jpg", "", CONTENT).add('0', "a.jpg", "", CONTENT);
    refused("second file named a.jpg");
  }

  /** Cut off between two entries, an archive looks like a shorter one. */
  @Test
  void anArchiveWithoutItsEndIsCutOff() throws IOException {
    byte[] whole = SampleFiles.tar(Map.of("a.jpg", CONTENT));
    Path cut = Files.write(temp.resolve("cut.tar"), Arrays.copyOf(whole, whole.length - 1024));
    assertThatThrownBy(() -> FileTree.open(cut))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cut.tar has no end mark after entry 1");
    Path packed =
        Files.write(
            temp.resolve("cut.tar.gz"),
            SampleFiles.gzip(Arrays.copyOf(whole, whole.length - 1024)));
    assertThatThrownBy(() -> FileTree.open(packed)).hasMessageContaining("no end mark");
  }
}
