package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Experiments as a user runs them, on a few random images in CIFAR-10's form. */
class ExperimentCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final boolean LONG = Boolean.getBoolean("lotus.exhaustive");

  /** For tests that have the time: a process more than twice as long. */
  private static final String AUDIT = LONG ? "audit: {models: 4}\n" : "";

  /** Of two methods and two seeds: two originals, two gold and four unlearned models. */
  private static final int MODELS = LONG ? 8 + 2 * (4 + 2 * 4) : 8;

  /** Each of the eight is made and scored, and in an audit it is asked. */
  private static final int STEPS = LONG ? MODELS + 8 + 8 : 16;

  private static final String HEAD =
      """
      name: NAME
      seeds: {training: [1, 2]}
      data:
        - {dataset: cifar10, forget: {fraction: 0.2}}
      models:
        - {architecture: resnet20, width: 0.5, train: {epochs: 2, batch: 32}}
      defaults: {epochs: 2, batch: 32}
      methods:
      """;
  private static final String LOTUS = "  - {name: LoTUS, method: lotus, tau: 2}\n";
  private static final String FINETUNE = "  - {name: Finetuning, method: finetune, lr: 0.01}\n";

  @TempDir Path temp;

  /** Five batches and a test batch of random images, ten classes in turn. */
  @BeforeEach
  void images() throws IOException {
    for (int batch = 1; batch <= 6; batch++) {
      Random random = new Random(batch);
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      for (int i = 0; i < 20; i++) {
        byte[] pixels = new byte[3072];
        random.nextBytes(pixels);
        bytes.write(i % 10);
        bytes.write(pixels);
      }
      String name = batch == 6 ? "test_batch.bin" : "data_batch_" + batch + ".bin";
      Files.createDirectories(temp.resolve("data"));
      Files.write(temp.resolve("data").resolve(name), bytes.toByteArray());
    }
  }

  private Path file(String name, String... methods) throws IOException {
    return Files.writeString(
        temp.resolve(name + ".yaml"), HEAD.replace("NAME", name) + String.join("", methods));
  }

  private List<String> arguments(Path file, String out, String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "experiment",
                file.toString(),
                "--data",
                temp.resolve("data").toString(),
                "--threads",
                "1",
                "--device",
                "cpu",
                "--out",
                temp.resolve(out).toString()));
    arguments.addAll(List.of(more));
    return arguments;
  }

  private CommandRun run(Path file, String out, String... more) {
    return CommandRun.of(arguments(file, out, more).toArray(String[]::new));
  }

  /** What is left of results.json without its times. */
  private String timeless(String out) throws IOException {
    JsonNode tree = JSON.readTree(temp.resolve(out).resolve("results.json").toFile());
    strip(tree);
    return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(tree);
  }

  private static void strip(JsonNode node) {
    if (node instanceof ObjectNode object) {
      object.remove("seconds");
    }
    node.forEach(ExperimentCommandTest::strip);
  }

  /** When each finished item was. */
  private Map<String, String> finished(String store) throws IOException {
    Map<String, String> times = new TreeMap<>();
    if (Files.exists(temp.resolve(store))) {
      try (Stream<Path> files = Files.walk(temp.resolve(store))) {
        for (Path marker : files.filter(p -> p.endsWith("item.json")).toList()) {
          Path record = marker.resolveSibling("run.json");
          times.put(
              marker.getParent().getFileName().toString(),
              Files.getLastModifiedTime(record).toString());
        }
      }
    }
    return times;
  }

  @Test
  void killedAtAnyMomentItEndsInTheSameResults() throws Exception {
    Path file = file("killed", LOTUS, FINETUNE, AUDIT);
    assertThat(child(arguments(file, "whole"), 0, 0)).isZero();
    Random random = new Random(3407);
    int kills = LONG ? 12 : 3;
    int killed = 0;
    Map<String, String> before = Map.of();
    for (int i = 0; i < kills; i++) {
      // A moment in each part of the work: so long after a step was begun.
      int step = 1 + (int) (STEPS * (i + random.nextDouble()) / kills);
      int status = child(arguments(file, "killed", "--resume"), step, random.nextInt(300));
      killed += status == 137 ? 1 : 0;
      Map<String, String> after = finished("killed/store");
      assertThat(after).containsAllEntriesOf(before);
      before = after;
    }
    assertThat(killed).as("kills that hit").isPositive();
    assertThat(child(arguments(file, "killed", "--resume"), 0, 0)).isZero();
    assertThat(finished("killed/store")).containsAllEntriesOf(before).hasSize(MODELS);
    assertThat(timeless("killed")).isEqualTo(timeless("whole"));
    assertThat(temp.resolve("killed/store")).isDirectoryNotContaining("glob:**.tmp");
    try (Stream<Path> files = Files.walk(temp.resolve("killed/store"))) {
      assertThat(files.map(p -> p.getFileName().toString())).noneMatch(n -> n.endsWith(".tmp"));
    }
  }

  /** A process of its own, killed by SIGKILL so long after it began a step; never with step 0. */
  private int child(List<String> arguments, int step, long millis) throws Exception {
    Path log = temp.resolve("log");
    Process process = OwnJvm.start(log, arguments);
    while (step > 0 && process.isAlive()) {
      Matcher begun = Pattern.compile("\\[(\\d+)/" + STEPS + "]").matcher(Files.readString(log));
      if (begun.results().anyMatch(match -> Integer.parseInt(match.group(1)) >= step)) {
        process.waitFor(millis, TimeUnit.MILLISECONDS);
        process.destroyForcibly();
        break;
      }
      Thread.sleep(10);
    }
    assertThat(process.waitFor(LONG ? 1200 : 120, TimeUnit.SECONDS))
        .as(Files.readString(log))
        .isTrue();
    return process.exitValue();
  }

  @Test
  void aMethodThatFailsIsRecordedAndTheOthersGoOn() throws IOException {
    Path file = file("failing", "  - {name: Wild, method: lotus, tau: 2, lr: 1e30}\n", FINETUNE);
    CommandRun run = run(file, "out");
    assertThat(run.status()).as(run.err()).isEqualTo(1);
    assertThat(run.err()).contains("lotus: failed: Wild", "the loss became NaN in epoch 1");
    JsonNode results = JSON.readTree(temp.resolve("out/results.json").toFile());
    assertThat(results.path("failures")).hasSize(2);
    assertThat(results.path("failures").get(0).path("row").asText()).isEqualTo("Wild");
    JsonNode rows = results.path("groups").get(0).path("rows");
    assertThat(rows.findValuesAsText("name"))
        .containsExactly("Gold", "Original", "Wild", "Finetuning");
    assertThat(rows.get(2).path("runs")).isEmpty();
    assertThat(rows.get(3).path("runs")).hasSize(2);
    String failed = results.path("failures").get(0).path("item").asText();
    assertThat(temp.resolve("out/store").resolve(failed).resolve("failed.json"))
        .content()
        .contains("NaN");
    assertThat(temp.resolve("out/report.html")).content().contains("What failed", "Wild");
    // Going on tries it again, and only it.
    Map<String, String> before = finished("out/store");
    String first = timeless("out");
    assertThat(run(file, "out", "--resume").status()).isEqualTo(1);
    assertThat(finished("out/store")).isEqualTo(before);
    assertThat(timeless("out")).isEqualTo(first);
  }

  @Test
  void modelsAreUsedAgainAndResultsAreNotOverwritten() throws IOException {
    Path first = file("first", FINETUNE);
    String store = temp.resolve("store").toString();
    CommandRun run = run(first, "a", "--store", store);
    assertThat(run.status()).as(run.err()).isZero();
    assertThat(run.err()).contains("[1/12] Original, resnet20 on cifar10, seed 1", " left");
    Map<String, String> made = finished("store");
    assertThat(made).hasSize(6);
    Path second = file("second", LOTUS);
    CommandRun refused = run(second, "a", "--store", store);
    assertThat(refused.status()).isEqualTo(2);
    assertThat(refused.err())
        .contains("a holds the experiment first: give --resume", "--store " + store);
    CommandRun next = run(second, "b", "--store", store);
    assertThat(next.status()).as(next.err()).isZero();
    assertThat(next.err()).contains("12 steps, 8 of them done already");
    assertThat(finished("store")).hasSize(8).containsAllEntriesOf(made);
    assertThat(temp.resolve("a/results.csv")).content().contains("Finetuning").hasLineCount(7);
    assertThat(temp.resolve("b/results.csv")).content().contains("LoTUS");
  }

  /** Given weights as they are have no gold model; unseen data may come from elsewhere. */
  @Test
  void givenWeightsWithoutTraining() throws IOException {
    run(file("made", FINETUNE), "made");
    Path weights =
        temp.resolve("made/store")
            .resolve(
                finished("made/store").keySet().stream()
                    .filter(item -> item.startsWith("original"))
                    .findFirst()
                    .orElseThrow())
            .resolve("model.safetensors");
    Files.copy(weights, temp.resolve("data/given.safetensors"));
    String text =
        HEAD.replace("NAME", "given")
            .replace(
                "width: 0.5, train: {epochs: 2, batch: 32}",
                "weights: given.safetensors, train: none");
    Path file = Files.writeString(temp.resolve("given.yaml"), text + LOTUS);
    CommandRun run = run(file, "given");
    assertThat(run.status()).as(run.err()).isZero();
    JsonNode rows =
        JSON.readTree(temp.resolve("given/results.json").toFile())
            .path("groups")
            .get(0)
            .path("rows");
    assertThat(rows.findValuesAsText("name")).containsExactly("Original", "LoTUS");
    assertThat(rows.get(1).path("avg_gap_published").isNull()).isTrue();
    assertThat(rows.get(1).path("statistics").has("rf_jsd")).isTrue();
    // One original for all seeds: its weights do not depend on them.
    assertThat(finished("given/store")).hasSize(3);
  }

  @Test
  void badInputEndsBeforeAnyWork() throws IOException {
    assertThat(run(temp.resolve("none.yaml"), "x").status()).isEqualTo(2);
    Path file = file("bad", LOTUS.replace("lotus", "oblivion"));
    CommandRun run = run(file, "x");
    assertThat(run.status()).isEqualTo(2);
    assertThat(run.err()).contains("bad.yaml: methods[0].method = \"oblivion\": give one of lotus");
    Path missing =
        Files.writeString(
            temp.resolve("missing.yaml"),
            Files.readString(file("m", LOTUS)).replace("dataset: cifar10", "dataset: cifar100"));
    assertThat(run(missing, "x").status()).isEqualTo(2);
    assertThat(temp.resolve("x/results.json")).doesNotExist();
  }
}
