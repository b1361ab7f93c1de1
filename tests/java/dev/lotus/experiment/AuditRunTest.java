package dev.lotus.experiment;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lotus.device.LeakCheck;
import dev.lotus.metric.Metrics;
import dev.lotus.report.ExperimentResults;
import dev.lotus.report.ExperimentResults.Row;
import dev.lotus.report.Json;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.Relearning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Audits from shadow models to results, on images of noise. */
@ExtendWith(LeakCheck.class)
class AuditRunTest {
  /** A method that does nothing, on data that can only be learnt by heart. */
  private static final String DEFINITIONS =
      """
      name: definitions
      seeds: {training: [1]}
      data:
        - {dataset: synthetic, forget: {fraction: 0.34}}
      models:
        - {architecture: resnet20, width: 0.25, train: {epochs: 8, batch: 32, lr: 0.05}}
      defaults: {batch: 24}
      methods:
        - {name: Nothing, method: finetune, epochs: 1, lr: 0}
      audit: {models: 8}
      """;

  private static final String SMALL =
      """
      name: small
      seeds: {training: [1, 2, 3], split: 4}
      data:
        - {dataset: synthetic, forget: {fraction: 0.34}}
      models:
        - {architecture: resnet20, width: 0.0625, train: {epochs: 1, batch: 16, lr: LR}}
      defaults: {epochs: 1, batch: 16}
      methods:
        - {method: finetune}
      audit: {models: 4, relearn: true}
      """;

  private static Engine engine;

  @TempDir Path temp;

  @BeforeAll
  static void load() {
    engine = SmallEngine.open();
  }

  private ExperimentResults run(String text, String out, Inputs inputs, Consumer<String> note)
      throws IOException {
    ExperimentSpec spec = ExperimentFile.read(Files.writeString(temp.resolve("file.yaml"), text));
    return ExperimentRun.run(
        spec,
        new ExperimentRun.Places(temp.resolve(out), null, null, true, false),
        inputs,
        engine,
        note);
  }

  private static Row row(ExperimentResults results, String name) {
    return results.groups().get(0).rows().stream()
        .filter(row -> row.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static double metric(ExperimentResults results, String row, String metric) {
    return row(results, row).runs().get(0).metrics().get(metric).doubleValue();
  }

  @Test
  void tellsModelsThatNeverForgotFromThoseThatNeverKnew() throws IOException {
    ExperimentResults results = run(DEFINITIONS, "out", new NoiseData(96, 64, 8), line -> {});
    assertThat(results.failures()).isEmpty();
    for (String attack : List.of("ulira_auc", "rmia_auc")) {
      assertThat(metric(results, "Original", attack)).as(attack).isGreaterThan(0.8);
      assertThat(metric(results, "Nothing", attack)).as(attack).isGreaterThan(0.8);
      assertThat(metric(results, "Gold", attack)).as(attack).isBetween(0.35, 0.65);
    }
    assertThat(metric(results, "Nothing", "ulira_models")).isEqualTo(8);
    // Four models a side.
    assertThat(metric(results, "Nothing", "ulira_few")).isEqualTo(1);
    assertThat(metric(results, "Nothing", "rmia_few")).isZero();
    assertThat(row(results, "Nothing").forgetting()).isNull();
    assertThat(row(results, "Nothing").statistics()).doesNotContainKey("relearn_forget");
  }

  /** What stops the process; nothing catches it. */
  private static final class Killed extends Error {}

  /** Stopped after any line of progress, between steps and within them. */
  @Test
  void interruptedAtAnyMomentItEndsInTheSameResults() throws IOException {
    String text = SMALL.replace("LR", "0.05");
    List<String> lines = new ArrayList<>();
    ExperimentResults whole = run(text, "whole", new NoiseData(48, 24, 8), lines::add);
    // Originals, gold models and runs of three seeds, made, scored and asked; shadow models of the
    // one split, trained and unlearned; gold models and runs relearn.
    assertThat(lines.get(0)).isEqualTo("small: 41 steps, 0 of them done already");
    assertThat(whole.failures()).isEmpty();
    Row row = row(whole, "finetune");
    for (ExperimentResults.Run run : row.runs()) {
      assertThat(run.metrics().get("ulira_models")).isEqualTo(4);
      assertThat(run.metrics().get("rmia_few")).isEqualTo(1);
      assertThat(run.metrics().get("relearn_forget").intValue())
          .isBetween(0, Relearning.MAX_EPOCHS + 1);
    }
    assertThat(row(whole, "Original").runs().get(0).metrics().get("relearn_forget")).isNull();
    assertThat(row(whole, "Gold").statistics()).containsKeys("ulira_auc", "relearn_retain");
    assertThat(row.forgetting().models()).isEqualTo(3);
    assertThat(row.forgetting().quality()).isBetween(0.0, 1.0);

    int[] left = {0};
    List<String> goneOnWith = new ArrayList<>();
    int stops = 0;
    boolean over = false;
    while (!over) {
      left[0] = 2 + stops * 3 % 5;
      try {
        run(
            text,
            "stopped",
            new NoiseData(48, 24, 8),
            line -> {
              if (line.startsWith("going on from")) {
                goneOnWith.add(line);
              }
              if (left[0]-- == 0) {
                throw new Killed();
              }
            });
        over = true;
      } catch (Killed e) {
        stops++;
      }
    }
    assertThat(stops).isGreaterThan(10);
    // Shadow models, too, go on in their middle.
    assertThat(goneOnWith).anyMatch(line -> line.contains("shadow"));
    assertThat(timeless("stopped")).isEqualTo(timeless("whole"));
    lines.clear();
    run(text, "stopped", new NoiseData(48, 24, 8), lines::add);
    assertThat(lines).containsExactly("small: 41 steps, 41 of them done already");
    try (Stream<Path> files = Files.walk(temp.resolve("stopped/store"))) {
      List<String> models =
          files
              .filter(file -> file.endsWith("model.safetensors"))
              .map(file -> file.getParent().getFileName().toString())
              .toList();
      // Nobody needs the weights of an unlearned shadow model.
      assertThat(models).hasSize(9 + 4).noneMatch(id -> id.startsWith("unlearned_shadow"));
    }
  }

  private JsonNode timeless(String out) {
    JsonNode tree = Json.read(temp.resolve(out).resolve("results.json"), JsonNode.class);
    strip(tree);
    return tree;
  }

  private static void strip(JsonNode node) {
    if (node instanceof ObjectNode object) {
      object.remove("seconds");
    }
    node.forEach(AuditRunTest::strip);
  }

  /** Shadow models that diverge are recorded; the rest has its results, and those without them. */
  @Test
  void withoutShadowModelsTheRestGoesOn() throws IOException {
    String text = SMALL.replace("LR", "0.05").replace("[1, 2, 3]", "[1]");
    int[] failing = {1};
    ExperimentResults some =
        run(
            text,
            "out",
            new NoiseData(48, 24, 8),
            line -> {
              if (line.contains("] Shadow model 2")) {
                failing[0] = 0;
              } else if (failing[0] == 0 && line.startsWith("epoch")) {
                failing[0] = 1;
                throw new IllegalStateException("diverged");
              }
            });
    assertThat(some.failures())
        .extracting(failure -> failure.row() + ": " + failure.message())
        .containsExactly(
            "Shadow model 2: diverged",
            "finetune, shadow model 2: it needs shadow model 2, which failed");
    Map<String, Number> metrics = row(some, "finetune").runs().get(0).metrics();
    // A sample that was in two of four models is now in one: too few for U-LiRA, not for RMIA.
    assertThat(metrics.get("ulira_auc")).isNull();
    assertThat(metrics.get("rmia_models")).isEqualTo(3);
    assertThat(metrics.get("relearn_forget")).isNotNull();
    List<String> lines = new ArrayList<>();
    ExperimentResults all = run(text, "out", new NoiseData(48, 24, 8), lines::add);
    assertThat(all.failures()).isEmpty();
    assertThat(row(all, "finetune").runs().get(0).metrics().get("ulira_models")).isEqualTo(4);
    assertThat(lines).filteredOn(line -> line.startsWith("[")).hasSize(2);
    // Scores are not made anew, and metrics.json has what a run without an audit has.
    Path item = temp.resolve("out/store").resolve(row(all, "finetune").runs().get(0).item());
    assertThat(Metrics.read(item.resolve("metrics.json")).attacks().uliraAuc()).isNull();
  }
}
