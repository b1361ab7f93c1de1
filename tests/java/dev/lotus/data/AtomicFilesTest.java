package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {
  @TempDir Path temp;

  private List<String> names() throws IOException {
    try (Stream<Path> entries = Files.list(temp)) {
      return entries.map(p -> p.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void writesAndReplacesWhole() throws IOException {
    Path file = temp.resolve("a/b/x.bin");
    AtomicFiles.write(file, new byte[] {1, 2, 3});
    AtomicFiles.write(file, out -> out.write(9));
    assertThat(Files.readAllBytes(file)).containsExactly(9);
    try (Stream<Path> entries = Files.list(file.getParent())) {
      assertThat(entries).containsExactly(file);
    }
  }

  @Test
  void theOldFileIsKeptUnderAnotherNameOnceTheNewOneIsWhole() throws IOException {
    Path file = temp.resolve("x.bin");
    Path old = temp.resolve("old.bin");
    for (byte i = 1; i <= 3; i++) {
      byte content = i;
      AtomicFiles.replace(file, old, out -> out.write(content));
    }
    assertThat(Files.readAllBytes(file)).containsExactly(3);
    assertThat(Files.readAllBytes(old)).containsExactly(2);
    assertThatThrownBy(
            () ->
                AtomicFiles.replace(
                    file,
                    old,
                    out -> {
                      throw new IOException("disk full");
                    }))
        .isInstanceOf(InputException.class);
    assertThat(Files.readAllBytes(file)).containsExactly(3);
    assertThat(Files.readAllBytes(old)).containsExactly(2);
  }

  @Test
  void whatGoesBeforeTheRenameGoesOnceTheNewFileIsWhole() throws IOException {
    Path file = temp.resolve("x.bin");
    Path record = Files.writeString(temp.resolve("record"), "of the old");
    AtomicFiles.write(file, new byte[] {1});
    Runnable clear = () -> record.toFile().delete();
    assertThatThrownBy(
            () ->
                AtomicFiles.write(
                    file,
                    out -> {
                      throw new IOException("disk full");
                    },
                    clear))
        .isInstanceOf(InputException.class);
    assertThat(record).exists();
    AtomicFiles.write(file, out -> out.write(2), clear);
    assertThat(record).doesNotExist();
    assertThat(Files.readAllBytes(file)).containsExactly(2);
  }

  @Test
  void whatAKilledWriteLeftIsDeletedAndNothingElse() throws IOException {
    Path file = temp.resolve("x.bin");
    AtomicFiles.write(file, new byte[] {1});
    Files.write(temp.resolve(".x.bin.123-4.tmp"), new byte[10]);
    Files.write(temp.resolve(".y.bin.123-4.tmp"), new byte[10]);
    AtomicFiles.write(
        file,
        out -> {
          AtomicFiles.deleteAbandoned(file); // not the one that is being written
          out.write(2);
        });
    assertThat(names()).containsExactly(".y.bin.123-4.tmp", "x.bin");
    assertThat(Files.readAllBytes(file)).containsExactly(2);
    AtomicFiles.deleteAbandoned(temp.resolve("none/x.bin"));
  }

  @Test
  void aFailureLeavesTheOldFileAndNothingElse() throws IOException {
    Path file = temp.resolve("x.bin");
    AtomicFiles.write(file, new byte[] {1});
    assertThatThrownBy(
            () ->
                AtomicFiles.write(
                    file,
                    out -> {
                      out.write(new byte[1 << 20]);
                      throw new IOException("disk full");
                    }))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cannot write " + file)
        .hasMessageContaining("disk full");
    assertThatThrownBy(
            () ->
                AtomicFiles.write(
                    file,
                    out -> {
                      throw new IllegalStateException("bug");
                    }))
        .isInstanceOf(IllegalStateException.class);
    assertThat(Files.readAllBytes(file)).containsExactly(1);
    assertThat(names()).containsExactly("x.bin");
  }

  /** For libraries that write to a name themselves. */
  @Test
  void writesByNameBesideTheTarget() throws IOException {
    Path file = temp.resolve("x.bin");
    AtomicFiles.writeNamed(
        file,
        temporary -> {
          assertThat(temporary.getParent()).isEqualTo(temp);
          assertThat(file).doesNotExist();
          Files.write(temporary, new byte[] {7});
        });
    assertThat(Files.readAllBytes(file)).containsExactly(7);
    assertThatThrownBy(
            () ->
                AtomicFiles.writeNamed(
                    file,
                    temporary -> {
                      Files.write(temporary, new byte[] {8});
                      throw new IOException("disk full");
                    }))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("disk full");
    assertThat(Files.readAllBytes(file)).containsExactly(7);
    assertThat(names()).containsExactly("x.bin");
  }

  @Test
  void refusesAFolder() {
    assertThatThrownBy(() -> AtomicFiles.write(temp, new byte[0]))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("it is a folder");
  }

  @Test
  void refusesAFileAsFolder() throws IOException {
    Files.writeString(temp.resolve("f"), "");
    assertThatThrownBy(() -> AtomicFiles.write(temp.resolve("f/x"), new byte[0]))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cannot write " + temp.resolve("f/x"));
  }

  @Test
  void anInterruptedProcessLeavesNoTemporaryFile() throws Exception {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Process process =
        new ProcessBuilder(
                java,
                "-cp",
                System.getProperty("java.class.path"),
                Interrupted.class.getName(),
                temp.resolve("x.bin").toString())
            .redirectErrorStream(true)
            .start();
    assertThat(process.getInputStream().read()).isEqualTo('w');
    assertThat(names()).hasSize(1).allMatch(name -> name.endsWith(".tmp"));
    process.destroy();
    process.waitFor();
    assertThat(names()).isEmpty();
  }

  /** Writes for ever, and says so once it has begun. */
  static final class Interrupted {
    public static void main(String[] args) {
      AtomicFiles.write(
          Path.of(args[0]),
          out -> {
            out.write(new byte[1 << 17]);
            System.out.print("w");
            System.out.flush();
            while (true) {
              Thread.onSpinWait();
            }
          });
    }
  }
}
