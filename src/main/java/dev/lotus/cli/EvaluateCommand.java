package dev.lotus.cli;

import dev.lotus.data.Dataset;
import dev.lotus.data.Split;
import dev.lotus.metric.Metrics;
import dev.lotus.report.EpochTrace;
import dev.lotus.report.ReportData;
import dev.lotus.report.ResultTable;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunSummary;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.ModelScores;
import dev.lotus.unlearn.UnlearnData;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
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

  @Option(names = "--json", description = "Print metrics.json, and only that, on stdout.")
  boolean json;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "Where metrics.json and report.html go.")
  Path out;

  @Override
  public Integer call() {
    Dataset dataset = data.open();
    UnlearnData sets = new UnlearnData(dataset, Split.read(splitFile));
    RunFolder folder = new RunFolder(out);
    folder.prepare();
    List<RunSummary> runs = new ArrayList<>();
    try (ModelSource original = models.openOriginal(data.normalize, dataset);
        ModelSource judged =
            ModelSource.open("--unlearned", unlearned, models.arch.name, data.normalize, dataset);
        ModelSource gold =
            retrained == null
                ? null
                : ModelSource.open(
                    "--retrained", retrained, models.arch.name, data.normalize, dataset)) {
      Engine engine = common.engine(dataset.normalization());
      ModelScores originalScores = score(engine, original, sets);
      ModelScores goldScores = gold == null ? null : score(engine, gold, sets);
      ModelScores scores = score(engine, judged, sets);
      if (gold != null) {
        runs.add(
            summary(
                "Retrained",
                RunSummary.Role.RETRAINED,
                gold,
                null,
                goldScores,
                originalScores,
                goldScores));
      }
      runs.add(
          summary(
              "Original",
              RunSummary.Role.ORIGINAL,
              original,
              null,
              originalScores,
              originalScores,
              goldScores));
      runs.add(
          summary(
              name(judged),
              RunSummary.Role.UNLEARNED,
              judged,
              originalScores,
              scores,
              originalScores,
              goldScores));
      Metrics metrics = runs.get(runs.size() - 1).metrics();
      folder.write(metrics);
      folder.write(new ReportData("lotus evaluate", null, runs, Versions.all()));
      System.out.print(
          json
              ? new String(metrics.toJson(), StandardCharsets.UTF_8)
              : ResultTable.of(runs).text());
    }
    return Main.DONE;
  }

  private static ModelScores score(Engine engine, ModelSource model, UnlearnData sets) {
    engine.place(model.backbone());
    return ModelScores.of(
        engine.with(model.normalizationFor(sets.dataset())), model.backbone(), sets);
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
      ModelScores original,
      ModelScores gold) {
    ModelScores reference = scores == gold ? null : gold;
    Metrics metrics = scores.metrics(original.evaluation().test(), reference, model.seconds());
    List<EpochTrace> trace = model.run() == null ? List.of() : model.run().trace();
    Map<String, Double> phases = model.run() == null ? Map.of() : model.run().phaseSeconds();
    Map<String, String> configuration =
        model.run() == null ? Map.of() : model.run().configuration();
    return Runs.summary(name, role, metrics, trace, before, scores, phases, configuration);
  }
}
