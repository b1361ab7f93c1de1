package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataCommandTest {
  private static final Path IMAGES =
      Path.of(System.getProperty("lotus.basedir", "."), "tests/golden/images");

  @TempDir Path temp;
  private Path folder;

  @BeforeEach
  void images() throws IOException {
    folder = temp.resolve("set");
    for (String label : new String[] {"a", "b"}) {
      Files.createDirectories(folder.resolve(label));
      for (int i = 0; i < 4; i++) {
        Files.copy(IMAGES.resolve("rgb.jpg"), folder.resolve(label + "/" + i + ".jpg"));
      }
    }
  }

  private CommandRun data(String command, String... more) {
    String[] args = new String[6 + more.length];
    System.arraycopy(more, 0, args, 6, more.length);
    args[0] = "data";
    args[1] = command;
    args[2] = "--dataset";
    args[3] = "image-folder";
    args[4] = "--data";
    args[5] = folder.toString();
    return CommandRun.of(args);
  }

  @Test
  void listNamesEverySet() {
    assertThat(CommandRun.of("data", "list").out()).contains("cifar100", "tiny-imagenet", "mufac");
    assertThat(CommandRun.of("data", "list", "--json").out())
        .startsWith("{")
        .contains("\"download_bytes\"", "170052171");
  }

  @Test
  void verifyCountsAndAverages() {
    CommandRun run = data("verify", "--quiet", "--image-size", "32");
    assertThat(run.status()).isZero();
    assertThat(run.out()).contains("8 images of 3x32x32, 4 to 4 a class; channel means 0.5");
    assertThat(data("verify", "--json").out()).startsWith("{").contains("\"class_counts\"");
  }

  @Test
  void aBadFileIsExitTwoWithItsNameUnlessSkipped() throws IOException {
    Files.write(folder.resolve("b/zero.jpg"), new byte[0]);
    CommandRun refused = data("verify", "--quiet");
    assertThat(refused.status()).isEqualTo(2);
    assertThat(refused.err()).contains("zero.jpg is empty").hasLineCount(1);
    CommandRun skipped = data("verify", "--quiet", "--skip-bad-images");
    assertThat(skipped.status()).isZero();
    assertThat(skipped.out()).contains("8 images");
  }

  @Test
  void aSplitNeedsHeldOutImages() {
    Path out = temp.resolve("split.json");
    String[] split = {
      "split",
      "--dataset",
      "image-folder",
      "--data",
      folder.toString(),
      "--out",
      out.toString(),
      "--forget-class",
      "1"
    };
    CommandRun refused = CommandRun.of(split);
    assertThat(refused.status()).isEqualTo(2);
    assertThat(refused.err()).contains("no held-out images", "--held-out F");
    String[] more = java.util.Arrays.copyOf(split, split.length + 2);
    more[split.length] = "--held-out";
    more[split.length + 1] = "0.5";
    assertThat(CommandRun.of(more).out()).contains("forget 2, retain 2, val 2, test 2");
  }

  @Test
  void wrongUseIsExitTwo() {
    assertThat(CommandRun.of("data").status()).isEqualTo(2);
    assertThat(CommandRun.of("data", "download", "imagenet").err()).contains("needs an account");
    assertThat(CommandRun.of("data", "download", "nothing").err())
        .contains("no data set 'nothing'");
    assertThat(data("verify", "--keep-cache").err()).contains("--keep-cache goes with --cache");
    assertThat(data("verify", "--image-size", "0").status()).isEqualTo(2);
    assertThat(data("verify", "--held-out", "1").status()).isEqualTo(2);
  }

  @Test
  void filesOfAPublishedNameWithOtherContentsAreExitOne() throws IOException {
    Path other = Files.createDirectories(temp.resolve("mnist"));
    for (String part : new String[] {"train", "t10k"}) {
      byte[] pixels = new byte[4 * 4];
      write(other, part + "-images-idx3-ubyte.gz", new int[] {2051, 4, 2, 2}, pixels);
      write(other, part + "-labels-idx1-ubyte.gz", new int[] {2049, 4}, new byte[] {0, 1, 2, 3});
    }
    CommandRun run =
        CommandRun.of(
            "data", "verify", "--quiet", "--dataset", "mnist", "--data", other.toString());
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.out()).contains("published  NOT as published: ", "train-images-idx3-ubyte.gz");
  }

  private static void write(Path folder, String name, int[] header, byte[] body)
      throws IOException {
    try (DataOutputStream out =
        new DataOutputStream(new GZIPOutputStream(Files.newOutputStream(folder.resolve(name))))) {
      for (int word : header) {
        out.writeInt(word);
      }
      out.write(body);
    }
  }
}
