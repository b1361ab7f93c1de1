package dev.lotus.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lotus.data.Dataset;
import dev.lotus.data.ImageSet;
import dev.lotus.data.WrappedImages;
import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import dev.lotus.device.TorchRuntime;
import dev.lotus.experiment.ExperimentSpec.DataSpec;
import dev.lotus.metric.Metrics;
import dev.lotus.report.ExperimentResults;
import dev.lotus.report.Json;
import dev.lotus.track.MlflowContract;
import dev.lotus.track.TrackingSettings;
import dev.lotus.unlearn.Engine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What a whole run does where something is wrong, on four generated images. */
@ExtendWith(LeakCheck.class)
class ExperimentRunTest {
  private static final String TEXT =
      """
      name: small
      seeds: {training: [1]}
      data:
        - {dataset: cifar10, forget: {fraction: 0.5}}
      models:
        - {architecture: resnet20, width: 0.0625, train: {epochs: 1, batch: 4}}
      defaults: {epochs: 1, batch: 4}
      methods:
        - {method: finetune, upstream_quirks: augmented-evaluation}
      """;

  private static Engine engine;

  @TempDir Path temp;

  @BeforeAll
  static void load() {
    engine = SmallEngine.open();
  }

  private ExperimentSpec spec(String text) throws IOException {
    return ExperimentFile.read(Files.writeString(temp.resolve("file.yaml"), text));
  }

  private ExperimentRun.Places places(boolean resume) {
    return new ExperimentRun.Places(temp.resolve("out"), null, null, resume, false);
  }

  /** Training images that fail at one read, and never again. */
  private static final class Failing extends ConfigFilesTest.Generated {
    private final AtomicInteger left;
    private final Supplier<Throwable> failure;

    Failing(int reads, Supplier<Throwable> failure) {
      left = new AtomicInteger(reads);
      this.failure = failure;
    }

    @Override
    Dataset open(DataSpec spec, String unseen) {
      Dataset whole = super.open(spec, unseen);
      return new Dataset(
          whole.name(),
          new Once(whole.train(), this),
          whole.heldOut(),
          whole.classNames(),
          whole.sha256(),
          whole.normalization(),
          whole.unseenFrom(),
          whole.published());
    }
  }

  private static final class Once extends WrappedImages {
    private final Failing of;

    Once(ImageSet images, Failing of) {
      super(images);
      this.of = of;
    }

    @Override
    public void read(int index, byte[] dst, int offset) {
      if (of.left.getAndDecrement() == 0) {
        Throwable failure = of.failure.get();
        if (failure instanceof Error error) {
          throw error;
        }
        throw (RuntimeException) failure;
      }
      images.read(index, dst, offset);
    }
  }

  private static Map<String, Number> metrics(ExperimentResults results, String row) {
    return results.groups().get(0).rows().stream()
        .filter(r -> r.name().equals(row))
        .findFirst()
        .orElseThrow()
        .runs()
        .get(0)
        .metrics();
  }

  /** The original reads four images, the gold model the next two. */
  @Test
  void withoutAGoldModelTheMethodsStillRun() throws IOException {
    ExperimentSpec spec = spec(TEXT);
    Failing inputs = new Failing(4, () -> new OutOfMemoryError("no more"));
    ExperimentResults results = ExperimentRun.run(spec, places(false), inputs, engine, line -> {});
    assertThat(results.failures())
        .singleElement()
        .satisfies(f -> assertThat(f.row()).isEqualTo("Gold"));
    assertThat(results.failures().get(0).message()).contains("no more");
    assertThat(metrics(results, "finetune").get("acc_test")).isNotNull();
    assertThat(metrics(results, "finetune").get("jsd")).isNull();
    // Once the gold model is there, what compares with it is scored anew, and no model made again.
    List<String> lines = new ArrayList<>();
    ExperimentResults whole = ExperimentRun.run(spec, places(true), inputs, engine, lines::add);
    assertThat(whole.failures()).isEmpty();
    assertThat(metrics(whole, "finetune").get("jsd")).isNotNull();
    assertThat(lines).filteredOn(line -> line.contains("] Gold")).hasSize(1);
    assertThat(lines).noneMatch(line -> line.contains("] finetune"));
    String item = results.failures().get(0).item();
    assertThat(temp.resolve("out/store").resolve(item).resolve("failed.json")).doesNotExist();
  }

  /** Reads: original 4, gold 2, finetune 2, then the original is scored. */
  @Test
  void aScoreThatFailedLeavesNoTraceOnceItIsThere() throws IOException {
    ExperimentSpec spec = spec(TEXT);
    Failing inputs = new Failing(6, () -> new IllegalStateException("torn"));
    ExperimentResults results = ExperimentRun.run(spec, places(false), inputs, engine, line -> {});
    assertThat(results.failures()).isNotEmpty();
    Path original = temp.resolve("out/store").resolve(results.failures().get(0).item());
    assertThat(original.getFileName().toString()).startsWith("original");
    assertThat(original.resolve("failed.json")).exists();
    assertThat(ExperimentRun.run(spec, places(true), inputs, engine, line -> {}).failures())
        .isEmpty();
    assertThat(original.resolve("failed.json")).doesNotExist();
  }

  /** Of the gold model that fails, too; and a model that was made before is told of its scores. */
  @Test
  void dashboardsAreToldOfEveryModel() throws IOException {
    try (MlflowContract server = new MlflowContract()) {
      String tracking = "tracking: {tensorboard: true, mlflow: '" + server.address() + "'}\n";
      Failing inputs = new Failing(4, () -> new IllegalStateException("torn"));
      ExperimentRun.run(spec(TEXT + tracking), places(false), inputs, engine, line -> {});
      assertThat(server.violations).isEmpty();
      assertThat(server.experiments).containsOnlyKeys("small");
      String cell = "resnet20 on cifar10, seed 1";
      assertThat(server.run("Gold, " + cell).status).isEqualTo("FAILED");
      MlflowContract.Run original = server.run("Original, " + cell);
      assertThat(original.status).isEqualTo("FINISHED");
      assertThat(original.params).containsEntry("on", "train").containsEntry("epochs", "1");
      assertThat(original.metrics).containsKeys("epoch/loss@1", "metrics/acc_forget@1");
      assertThat(server.runs).hasSize(3);
      try (var runs = Files.list(temp.resolve("out/tensorboard"))) {
        assertThat(runs.toList())
            .hasSize(3)
            .allSatisfy(run -> assertThat(run).isDirectoryContaining("glob:**/*.tfevents.*"));
      }
      // The gold model is there now, so the others are scored anew, and nothing else.
      ExperimentRun.run(spec(TEXT + tracking), places(true), inputs, engine, line -> {});
      assertThat(server.violations).isEmpty();
      assertThat(server.runs.values())
          .filteredOn(run -> run.name.contains(", scored on split "))
          .isNotEmpty()
          .allSatisfy(run -> assertThat(run.status).isEqualTo("FINISHED"))
          .allSatisfy(run -> assertThat(run.metrics).containsKey("metrics/jsd@0"));
    }
  }

  /** What stops the process; nothing catches it. */
  private static final class Killed extends Error {
    private static final long serialVersionUID = 1L;
  }

  @Test
  void aModelThatGoesOnIsToldFromItsFirstEpoch() throws IOException {
    try (MlflowContract server = new MlflowContract()) {
      ExperimentSpec spec =
          spec(
              TEXT.replace("epochs: 1", "epochs: 3")
                  + "tracking: {mlflow: '"
                  + server.address()
                  + "'}\n");
      assertThatThrownBy(
              () ->
                  ExperimentRun.run(
                      spec,
                      places(false),
                      new ConfigFilesTest.Generated(),
                      engine,
                      line -> {
                        if (line.startsWith("epoch 2")) {
                          throw new Killed();
                        }
                      }))
          .isInstanceOf(Killed.class);
      assertThat(server.runs).hasSize(1);
      server.runs.clear();
      ExperimentRun.run(spec, places(true), new ConfigFilesTest.Generated(), engine, line -> {});
      assertThat(server.violations).isEmpty();
      MlflowContract.Run original = server.run("Original, resnet20 on cifar10, seed 1");
      assertThat(original.status).isEqualTo("FINISHED");
      assertThat(original.metrics).containsKeys("epoch/loss@1", "epoch/loss@2", "epoch/loss@3");
    }
  }

  @Test
  void goingOnWithAnotherFileIsRefused() throws IOException {
    ExperimentRun.run(
        spec(TEXT), places(false), new ConfigFilesTest.Generated(), engine, line -> {});
    ExperimentSpec other = spec(TEXT.replace("name: small", "name: other"));
    assertThatThrownBy(() -> ExperimentRun.requireFree(other, places(true)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds another experiment, small, not other")
        .hasMessageContaining("give another --out, with --store");
    ExperimentSpec changed = spec(TEXT.replace("defaults: {epochs: 1", "defaults: {epochs: 2"));
    assertThatThrownBy(() -> ExperimentRun.requireFree(changed, places(true)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds the experiment small with other settings");
    ExperimentRun.requireFree(spec(TEXT), places(true));
  }

  @Test
  void goingOnWithOtherThreadsOrNumericsIsNoted() throws IOException {
    ExperimentSpec spec = spec(TEXT);
    ExperimentRun.run(spec, places(false), new ConfigFilesTest.Generated(), engine, line -> {});
    JsonNode marker = Json.read(temp.resolve("out/experiment.json"), JsonNode.class);
    assertThat(marker.path("threads").asText()).isEqualTo("1");
    assertThat(marker.path("pytorch").asText()).isNotEmpty();
    assertThat(marker.path("numerics").asText()).isEqualTo("3");
    ((ObjectNode) marker).put("numerics", "1");
    Files.write(temp.resolve("out/experiment.json"), Json.bytes(marker));
    List<String> lines = new ArrayList<>();
    try {
      TorchRuntime.load(2);
      ExperimentRun.run(spec, places(true), new ConfigFilesTest.Generated(), engine, lines::add);
    } finally {
      TorchRuntime.load(1);
    }
    assertThat(lines)
        .anyMatch(line -> line.startsWith("note: begun with threads 1, now 2: the results will"))
        .anyMatch(line -> line.startsWith("note: begun with numerics 1, now 3: the results will"));
  }

  /** Both see the same augmented pixels, so a model that equals the gold one has no distance. */
  @Test
  void goldIsScoredOnThePixelsOfTheRun() throws IOException {
    Plan plan = Plan.of(spec(TEXT), new ConfigFilesTest.Generated(), engine);
    Plan.Cell cell = plan.cells().get(0);
    WorkItem run = cell.runs().get(0).item();
    try (ItemStore store = ItemStore.open(temp.resolve("store"));
        ItemTracking untold = new ItemTracking(TrackingSettings.NONE, temp, line -> {})) {
      cell.data().split().write(store.splitFile(cell.splitSha256()));
      try (CellWork work = new CellWork(cell, store, untold, line -> {})) {
        work.train(cell.original());
        work.train(cell.gold());
        store.finish(cell.gold());
        work.unlearn(cell.runs().get(0));
        assertThat(store.folder(run).readRun().configuration())
            .containsEntry("upstream-quirks", "augmented-evaluation")
            .doesNotContainKey("quirks");
        Files.copy(
            store.folder(cell.gold()).model(),
            store.folder(run).model(),
            StandardCopyOption.REPLACE_EXISTING);
        work.score(run);
        Metrics metrics = store.scores(run, cell.splitSha256()).readMetrics();
        assertThat(metrics.jsd()).isZero();
        assertThat(metrics.avgGap()).isZero();
      }
    }
  }
}
