package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What --augment means, which run.json records, follows from data set and architecture. */
class AugmentOptionTest {
  @TempDir static Path temp;

  /** CIFAR-10 in its binary form, two records of each class a file. */
  @BeforeAll
  static void cifar() throws IOException {
    byte[] records = new byte[20 * 3073];
    for (int i = 0; i < records.length; i++) {
      records[i] = (byte) (i % 3073 == 0 ? i / 3073 % 10 : 31 * i);
    }
    for (int batch = 1; batch <= 5; batch++) {
      Files.write(temp.resolve("data_batch_" + batch + ".bin"), records);
    }
    Files.write(temp.resolve("test_batch.bin"), records);
  }

  private String train(String model, String... more) throws IOException {
    Path out = Files.createTempDirectory(temp, "run");
    run("train", out, "--model", model, "--width", "0.1", more);
    return augment(out);
  }

  private static void run(
      String command, Path out, String a, String b, String c, String d, String... more) {
    String[] fixed = {
      command,
      "--dataset",
      "cifar10",
      "--data",
      temp.toString(),
      "--epochs",
      "1",
      "--batch",
      "16",
      "--quiet",
      "--out",
      out.toString(),
      a,
      b,
      c,
      d
    };
    String[] all = java.util.Arrays.copyOf(fixed, fixed.length + more.length);
    System.arraycopy(more, 0, all, fixed.length, more.length);
    CommandRun run = CommandRun.of(all);
    assertThat(run.status()).as(run.err()).isZero();
  }

  private static String augment(Path out) throws IOException {
    return new ObjectMapper()
        .readTree(out.resolve("run.json").toFile())
        .path("configuration")
        .path("augment")
        .asText();
  }

  @Test
  void transformersAreNotCropped() throws IOException {
    assertThat(train("resnet20")).isEqualTo("crop 4 black");
    assertThat(train("resnet20", "--augment", "none")).isEqualTo("none");
    assertThat(train("resnet20", "--image-size", "48")).isEqualTo("none");
    assertThat(train("vit_ti_16")).isEqualTo("none");
  }

  @Test
  void unlearningTakesItFromTheOriginalsArchitecture() throws IOException {
    Path split = temp.resolve("split.json");
    CommandRun made =
        CommandRun.of(
            "split",
            "--dataset",
            "cifar10",
            "--data",
            temp.toString(),
            "--forget-class",
            "1",
            "--seed",
            "1",
            "--out",
            split.toString());
    assertThat(made.status()).as(made.err()).isZero();
    for (String model : new String[] {"resnet20", "vit_ti_16"}) {
      Path original = temp.resolve(model);
      run("train", original, "--model", model, "--width", "0.1");
      Path out = temp.resolve("of-" + model);
      run(
          "unlearn",
          out,
          "--original",
          original.toString(),
          "--method",
          "lotus",
          "--split",
          split.toString(),
          "--tau",
          "fixed:2");
      assertThat(augment(out)).isEqualTo(model.startsWith("vit") ? "none" : "crop 4 black");
    }
  }
}
