package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The commands in their order, on files, as a user runs them; and what is left when one is killed.
 */
class EndToEndTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path ROOT = Path.of(System.getProperty("lotus.basedir", "."));

  @Test
  void splitTrainUnlearnEvaluate(@TempDir Path temp) throws IOException {
    String split = temp.resolve("split.json").toString();
    String original = temp.resolve("original").toString();
    String retrained = temp.resolve("retrained").toString();
    CommandRun.done(
        "split",
        "--dataset",
        "synthetic",
        "--forget-fraction",
        "0.1",
        "--seed",
        "3",
        "--out",
        split);
    CommandRun.done(train(original, "--split", split));
    CommandRun.done(train(retrained, "--split", split, "--on", "retain"));
    JsonNode trained = JSON.readTree(Path.of(original, "metrics.json").toFile());
    assertThat(trained.path("acc_forget").isNumber()).isTrue();
    assertThat(trained.path("acc_val").isNumber()).isTrue();
    assertThat(
            JSON.readTree(Path.of(original, "run.json").toFile())
                .path("configuration")
                .path("lr")
                .asText())
        .isEqualTo("0.1");
    assertThat(Path.of(original, "report.html")).isNotEmptyFile();
    JsonNode[] metrics = new JsonNode[2];
    for (int i = 0; i < 2; i++) {
      String unlearned = temp.resolve("unlearned" + i).toString();
      CommandRun.done(
          "unlearn",
          "--method",
          "lotus",
          "--original",
          original,
          "--dataset",
          "synthetic",
          "--split",
          split,
          "--epochs",
          "1",
          "--tau",
          "fixed:2",
          "--seed",
          "7",
          "--quiet",
          "--tensorboard",
          "--mlflow",
          "http://127.0.0.1:9",
          "--out",
          unlearned);
      // Dashboards change nothing, also where nobody answers.
      try (var files = Files.list(Path.of(unlearned))) {
        assertThat(files.map(f -> f.getFileName().toString()))
            .filteredOn(name -> name.startsWith("events.out.tfevents."))
            .hasSize(1);
      }
      CommandRun run =
          CommandRun.done(
              "evaluate",
              "--unlearned",
              unlearned,
              "--original",
              original,
              "--retrained",
              retrained,
              "--dataset",
              "synthetic",
              "--split",
              split,
              "--quiet",
              "--save-logits",
              "--json",
              "--out",
              unlearned);
      metrics[i] = JSON.readTree(run.out());
      assertThat(JSON.readTree(Path.of(unlearned, "metrics.json").toFile())).isEqualTo(metrics[i]);
      ((ObjectNode) metrics[i]).remove("seconds");
    }
    assertThat(metrics[0]).isEqualTo(metrics[1]);
    for (Map.Entry<String, JsonNode> entry : metrics[0].properties()) {
      assertThat(entry.getValue().isNumber())
          .as(entry.getKey())
          .isEqualTo(!entry.getKey().matches("(ulira|rmia|forgetting|relearn)_.*"));
    }
    // The same numbers, to the last bit, from the outputs that were kept.
    ObjectNode again =
        (ObjectNode)
            JSON.readTree(
                CommandRun.done(
                        "metrics",
                        "--json",
                        "--logits",
                        temp.resolve("unlearned0/logits.safetensors").toString())
                    .out());
    again.remove("seconds");
    assertThat(again).isEqualTo(metrics[0]);
    JsonNode run = JSON.readTree(temp.resolve("unlearned0/run.json").toFile());
    assertThat(run.path("schema").asInt()).isEqualTo(1);
    assertThat(run.path("trace").get(0).path("tau").asDouble()).isEqualTo(2);
    assertThat(run.path("configuration").path("method").asText()).isEqualTo("lotus");
    assertThat(run.path("data_sha256").asText()).hasSize(64);
    assertThat(Files.readString(temp.resolve("unlearned0/report.html")))
        .contains("<svg", "Retrained");
    try (Stream<Path> files = Files.walk(temp)) {
      assertThat(files.filter(Files::isRegularFile).map(f -> f.getFileName().toString()))
          .allMatch(
              f ->
                  f.matches(
                      "split.json|(model|logits).safetensors|(run|metrics|certificate).json|report.html|events.out.tfevents.[0-9]+.lotus"));
    }
  }

  private static String[] train(String out, String... more) {
    List<String> args =
        new ArrayList<>(
            List.of(
                "train",
                "--dataset",
                "synthetic",
                "--model",
                "resnet20",
                "--width",
                "0.5",
                "--epochs",
                "1",
                "--quiet",
                "--out",
                out));
    args.addAll(List.of(more));
    return args.toArray(String[]::new);
  }

  /**
   * A real process, stopped in mid-training by SIGTERM and SIGKILL: no file of the run may be there
   * by half. Asked to stop, it leaves a checkpoint.
   */
  @Test
  void aKilledRunLeavesNothingHalfWritten(@TempDir Path temp) throws Exception {
    for (boolean forcibly : new boolean[] {false, true}) {
      Path out = temp.resolve("killed" + forcibly);
      List<String> command =
          List.of(
              "train",
              "--dataset",
              "synthetic",
              "--model",
              "resnet20",
              "--epochs",
              "1000",
              "--threads",
              "1",
              "--out",
              out.toString());
      Path log = temp.resolve("log" + forcibly);
      Process process = OwnJvm.start(log, command);
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (!Files.readString(log).contains("epoch 1")
          && process.isAlive()
          && System.nanoTime() < deadline) {
        Thread.sleep(50);
      }
      assertThat(process.isAlive()).as(Files.readString(log)).isTrue();
      if (forcibly) {
        process.destroyForcibly();
      } else {
        process.destroy();
      }
      assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isEqualTo(forcibly ? 137 : 143);
      if (forcibly) {
        assertThat(out).doesNotExist();
      } else {
        try (Stream<Path> files = Files.list(out)) {
          assertThat(files).containsExactly(out.resolve("checkpoint.safetensors"));
        }
      }
    }
  }

  @Test
  void verifyPrintsALineAFileAndBackend() {
    CommandRun run = CommandRun.of("verify", ROOT.resolve("tests/golden").toString());
    assertThat(run.status()).isZero();
    List<String> lines = run.out().lines().toList();
    assertThat(lines.subList(0, lines.size() - 1))
        .allMatch(l -> l.matches("(PASS|FAIL|SKIP) [a-z]_\\S+ max_error=\\S+ \\[\\S+].*"));
    assertThat(lines.get(lines.size() - 1)).matches("\\d+ passed, 0 failed, \\d+ skipped");
  }

  /**
   * Somebody else's classifier on real images: the accuracies that its own authors' code measures.
   */
  @ParameterizedTest
  @ValueSource(strings = {"resnet20-cifar10.safetensors", "resnet20-12fca82f.th"})
  void aPretrainedClassifierOnRealImages(String file, @TempDir Path temp) throws IOException {
    String place = System.getProperty("lotus.data", "");
    Path weights = Path.of(place).resolveSibling("weights").resolve(file);
    assumeTrue(
        !place.isEmpty() && Files.exists(weights),
        "needs -Dlotus.data=DIR with cifar-10-subset, and weights beside it");
    String data = Path.of(place, "cifar-10-subset").toString();
    String split = temp.resolve("split.json").toString();
    CommandRun.done(
        "split",
        "--dataset",
        "cifar10",
        "--data",
        data,
        "--forget-fraction",
        "0.1",
        "--out",
        split);
    CommandRun run =
        CommandRun.done(
            "evaluate",
            "--unlearned",
            weights.toString(),
            "--original",
            weights.toString(),
            "--dataset",
            "cifar10",
            "--data",
            data,
            "--split",
            split,
            "--normalize",
            "imagenet",
            "--quiet",
            "--json",
            "--out",
            temp.resolve("e").toString());
    JsonNode m = JSON.readTree(run.out());
    double train =
        (4500 * m.path("acc_retain").asDouble() + 500 * m.path("acc_forget").asDouble()) / 5000;
    double heldOut = (m.path("acc_val").asDouble() + m.path("acc_test").asDouble()) / 2;
    assertThat(train).isCloseTo(0.9980, within(5e-5));
    assertThat(heldOut).isCloseTo(0.9140, within(5e-5));
  }
}
