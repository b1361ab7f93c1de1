package dev.lotus.cli;

import dev.lotus.data.Checksum;
import dev.lotus.data.Dataset;
import dev.lotus.data.ImageSet;
import dev.lotus.data.Split;
import dev.lotus.metric.LogitsWriter;
import dev.lotus.metric.Metrics;
import dev.lotus.report.EpochTrace;
import dev.lotus.report.MetricsTable;
import dev.lotus.report.ReportData;
import dev.lotus.report.ResultTable;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunSummary;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.LibraryVersions;
import dev.lotus.unlearn.ModelScores;
import dev.lotus.unlearn.ModelScores.Store;
import dev.lotus.unlearn.Relearning;
import dev.lotus.unlearn.RunFiles;
import dev.lotus.unlearn.UnlearnData;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code lotus evaluate}: every metric of an unlearned model, beside the original and the retrained
 * one.
 */
@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    description =
        "Measure an unlearned model against its original and, where there is one, a retrained model.")
final class EvaluateCommand implements Callable<Integer> {
  @Mixin DataOptions data;
  @Mixin CommonOptions common;
  @Mixin ModelOptions models;

  @Option(
      names = "--unlearned",
      paramLabel = "MODEL",
      required = true,
      description = "The model to judge.")
  Path unlearned;

  @Option(
      names = "--retrained",
      paramLabel = "MODEL",
      description = "A model trained without the forget set: the gold standard.")
  Path retrained;

  @Option(
      names = "--split",
      paramLabel = "FILE",
      required = true,
      description = "The split.json the models were made with.")
  Path splitFile;

  @Option(
      names = "--save-logits",
      description =
          "Keep the models' outputs in logits.safetensors, which `lotus metrics` reads (4 bytes a sample and class).")
  boolean saveLogits;

  @Option(
      names = "--relearn",
      description =
          "Also count the epochs (at most 20) that bring the forget set back: training on it, and on retain data only.")
  boolean relearn;

  @Option(names = "--json", description = "Print metrics.json, and only that, on stdout.")
  boolean json;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "Where metrics.json and report.html go.")
  Path out;

  /** The models' passes over the sets; {@code gold} is null where there is no retrained model. */
  private record Scored(ModelScores original, ModelScores gold, ModelScores judged) {}

  @Override
  public Integer call() {
    Ranks.join();
    Dataset dataset = data.open();
    UnlearnData sets = new UnlearnData(dataset, Split.read(splitFile));
    RunFolder folder = new RunFolder(out);
    folder.prepare();
    List<RunSummary> runs = new ArrayList<>();
    try (ModelSource original = models.openOriginal(data.normalize, dataset);
        ModelSource judged =
            ModelSource.open("--unlearned", unlearned, models.foreign, data.normalize, dataset);
        ModelSource gold =
            retrained == null
                ? null
                : ModelSource.open(
                    "--retrained", retrained, models.foreign, data.normalize, dataset)) {
      if (relearn
          && (judged.backbone().hasBatchNorm() || gold != null && gold.backbone().hasBatchNorm())) {
        // Its statistics would be those of each process's part of a batch.
        Ranks.requireAlone("--relearn of a model with BatchNorm");
      }
      noteQuirks(judged);
      Engine engine = common.engine(dataset.normalization());
      Ranks.requireSame(inputs(sets, original, judged, gold));
      Scored scored = score(engine, original, gold, judged, sets, folder);
      ModelScores before = scored.original();
      if (gold != null) {
        runs.add(
            summary(
                "Retrained",
                RunSummary.Role.RETRAINED,
                gold,
                null,
                scored.gold(),
                relearned(metrics(scored, gold, scored.gold()), engine, gold, sets, before)));
      }
      runs.add(
          summary(
              "Original",
              RunSummary.Role.ORIGINAL,
              original,
              null,
              before,
              metrics(scored, original, before)));
      Metrics metrics =
          relearned(metrics(scored, judged, scored.judged()), engine, judged, sets, before);
      runs.add(
          summary(
              name(judged), RunSummary.Role.UNLEARNED, judged, before, scored.judged(), metrics));
      folder.write(metrics);
      folder.write(new ReportData("lotus evaluate", null, runs, LibraryVersions.all()));
      System.out.print(
          json
              ? new String(metrics.toJson(), StandardCharsets.UTF_8)
              : ResultTable.of(runs).text() + "\n" + beyond(runs));
    }
    return Main.DONE;
  }

  /** What decides about the numbers. */
  private Map<String, String> inputs(
      UnlearnData sets, ModelSource original, ModelSource judged, ModelSource gold) {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("data (SHA-256)", sets.dataset().sha256());
    values.put("split (SHA-256)", Checksum.ofFile(splitFile));
    values.put("--original (SHA-256)", original.sha256());
    values.put("--unlearned (SHA-256)", judged.sha256());
    values.put("--retrained (SHA-256)", gold == null ? "none" : gold.sha256());
    values.put("--normalize", String.valueOf(data.normalize));
    // The checksum is of the images as they are published.
    values.put("--image-size", String.valueOf(data.imageSize));
    values.put("--arch", String.valueOf(models.foreign.arch));
    values.put("--precision", common.precision);
    values.put("--relearn", String.valueOf(relearn));
    values.put("--seed", String.valueOf(common.seed));
    return values;
  }

  /** One way of measuring for all three models, whatever the run's own. */
  private static void noteQuirks(ModelSource judged) {
    String quirks = judged.run() == null ? null : judged.run().configuration().get(RunFiles.QUIRKS);
    if (quirks != null && !quirks.isEmpty() && Ranks.first()) {
      System.err.println(
          "note: the run was made with --upstream-quirks "
              + quirks
              + "; here every model is measured in evaluation mode, without augmentation");
    }
  }

  /** What the table of results has no column for. */
  private static String beyond(List<RunSummary> runs) {
    Map<String, Metrics> models = new LinkedHashMap<>();
    for (RunSummary run : runs) {
      models.put(
          run.name(), Metrics.NONE.with(run.metrics().attacks()).with(run.metrics().audit()));
    }
    return MetricsTable.text(models);
  }

  private Scored score(
      Engine engine,
      ModelSource original,
      ModelSource gold,
      ModelSource judged,
      UnlearnData sets,
      RunFolder folder) {
    folder.eraseLogits();
    if (!saveLogits || !Ranks.first()) {
      return new Scored(
          score(engine, original, sets, Store.NONE),
          gold == null ? null : score(engine, gold, sets, Store.NONE),
          score(engine, judged, sets, Store.NONE));
    }
    try (LogitsWriter writer = new LogitsWriter(folder.logits())) {
      Split split = sets.split();
      writer.labels("forget", labels(sets.dataset().train(), split.forget()));
      writer.labels("retain", labels(sets.dataset().train(), split.retain()));
      writer.labels("val", labels(sets.dataset().heldOut(), split.val()));
      writer.labels("test", labels(sets.dataset().heldOut(), split.test()));
      Scored scored =
          new Scored(
              score(engine, original, sets, Store.of(writer, "original", "test")),
              gold == null ? null : score(engine, gold, sets, four(writer, "retrained")),
              score(engine, judged, sets, four(writer, "unlearned")));
      writer.finish();
      return scored;
    }
  }

  private static Store four(LogitsWriter writer, String model) {
    return Store.of(writer, model, "forget", "retain", "val", "test");
  }

  private static int[] labels(ImageSet images, int[] indices) {
    return Arrays.stream(indices).map(images::label).toArray();
  }

  private static ModelScores score(
      Engine engine, ModelSource model, UnlearnData sets, Store store) {
    engine.place(model.backbone());
    return ModelScores.of(
        engine.with(model.normalizationFor(sets.dataset())), model.backbone(), sets, store);
  }

  private static Metrics metrics(Scored scored, ModelSource model, ModelScores scores) {
    ModelScores reference = scores == scored.gold() ? null : scored.gold();
    return scores.metrics(scored.original().evaluation().test(), reference, model.seconds());
  }

  /** With the epochs of relearning, where they are asked for. */
  private Metrics relearned(
      Metrics metrics, Engine engine, ModelSource model, UnlearnData sets, ModelScores original) {
    if (!relearn) {
      return metrics;
    }
    Relearning relearning =
        new Relearning(
            engine.with(model.normalizationFor(sets.dataset())),
            sets,
            original.evaluation().forget().accuracy(),
            common.seed);
    return metrics.with(
        metrics
            .audit()
            .withRelearning(
                relearning.onForget(model.backbone()), relearning.onRetain(model.backbone())));
  }

  private static String name(ModelSource model) {
    return model.run() != null && model.run().method() != null ? model.run().method() : "Unlearned";
  }

  private static RunSummary summary(
      String name,
      RunSummary.Role role,
      ModelSource model,
      ModelScores before,
      ModelScores scores,
      Metrics metrics) {
    List<EpochTrace> trace = model.run() == null ? List.of() : model.run().trace();
    Map<String, Double> phases = model.run() == null ? Map.of() : model.run().phaseSeconds();
    Map<String, String> configuration =
        model.run() == null ? Map.of() : model.run().configuration();
    return RunFiles.summary(name, role, metrics, trace, before, scores, phases, configuration);
  }
}
