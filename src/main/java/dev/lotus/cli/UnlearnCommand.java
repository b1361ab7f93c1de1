package dev.lotus.cli;

import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.KeyLayout;
import dev.lotus.data.Checksum;
import dev.lotus.data.Dataset;
import dev.lotus.data.Split;
import dev.lotus.device.InputException;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.metric.Metrics;
import dev.lotus.report.ReportData;
import dev.lotus.report.ResultTable;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunRecord;
import dev.lotus.report.RunSummary;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.ModelScores;
import dev.lotus.unlearn.RunFiles;
import dev.lotus.unlearn.Temperature;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnData;
import dev.lotus.unlearn.UnlearnLoop;
import dev.lotus.unlearn.UnlearnMethods;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code lotus unlearn}: the original model forgets the split's forget set; the run folder says how
 * and how well.
 */
@Command(
    name = "unlearn",
    mixinStandardHelpOptions = true,
    description = "Make a model forget the split's forget set, then measure what is left of it.")
final class UnlearnCommand implements Callable<Integer> {
  @Spec CommandSpec spec;
  @Mixin DataOptions data;
  @Mixin CommonOptions common;
  @Mixin TrainingOptions training;
  @Mixin ModelOptions models;
  @Mixin SaveOptions saving;

  @Option(names = "--method", paramLabel = "X", required = true, description = "lotus or finetune.")
  String method;

  @Option(
      names = "--split",
      paramLabel = "FILE",
      required = true,
      description = "A split.json (see lotus split).")
  Path splitFile;

  @Option(
      names = "--alpha",
      paramLabel = "A",
      defaultValue = "2",
      description =
          "lotus: tau = exp(A (accuracy on forget - accuracy on unseen)); 8 is published for CIFAR-10 (default: ${DEFAULT-VALUE}).")
  double alpha;

  @Option(
      names = "--retain-fraction",
      paramLabel = "F",
      defaultValue = "0.3",
      description = "lotus: share of the retain set that takes part (default: ${DEFAULT-VALUE}).")
  double retainFraction;

  @Option(
      names = "--forget-target",
      paramLabel = "T",
      defaultValue = "gumbel-softmax",
      description = "lotus: gumbel-softmax or softmax (default: ${DEFAULT-VALUE}).")
  String forgetTarget;

  @Option(
      names = "--retain-target",
      paramLabel = "T",
      defaultValue = "gumbel-hard",
      description =
          "lotus: gumbel-hard, a sample of the teacher as published, or argmax (default: ${DEFAULT-VALUE}).")
  String retainTarget;

  @Option(
      names = "--tau",
      paramLabel = "fixed:X",
      description = "lotus: a fixed temperature X > 0 instead of the schedule.")
  String tau;

  @Option(
      names = "--accuracy-rounding",
      paramLabel = "N",
      description =
          "lotus: round accuracies to N decimals before tau and the stop rule; 2 = as published (default: none).")
  Integer accuracyRounding;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "The run folder to write.")
  Path out;

  @Override
  public Integer call() {
    UnlearnMethods.Entry entry = UnlearnMethods.entry(method);
    Dataset dataset = data.open();
    UnlearnData sets = new UnlearnData(dataset, Split.read(splitFile));
    UnlearnConfig config = config(entry, dataset);
    try (ModelSource original = models.openOriginal(data.normalize, dataset)) {
      KeyLayout layout = saving.layoutFor(original.backbone().arch());
      Engine engine = common.engine(original.normalizationFor(dataset));
      RunFolder folder = new RunFolder(out);
      folder.prepare();
      UnlearnLoop.Result result =
          new UnlearnLoop(engine, config)
              .run(original.backbone(), sets, e -> common.progress().note(e.line()));
      Map<String, Double> phases = new LinkedHashMap<>();
      phases.put("unlearning", result.seconds());
      RunRecord record =
          RunFiles.record(
              "unlearn",
              method,
              common.seed,
              engine,
              result.model(),
              Runs.configuration(spec, config.learningRate(), engine.normalization()),
              dataset,
              Checksum.ofFile(splitFile),
              phases,
              result.trace());
      try (Backbone unlearned = result.model()) {
        RunFiles.save(folder, unlearned, layout);
        folder.write(record);
        judge(engine, original, result, record, sets, folder);
        if (!data.keepCache) {
          dataset.train().eraseCached(sets.split().forget());
        }
      }
    }
    return Main.DONE;
  }

  private void judge(
      Engine engine,
      ModelSource original,
      UnlearnLoop.Result result,
      RunRecord record,
      UnlearnData sets,
      RunFolder folder) {
    long start = System.nanoTime();
    ModelScores before = ModelScores.of(engine, original.backbone(), sets);
    ModelScores after = ModelScores.of(engine, result.model(), sets);
    Metrics metrics = after.metrics(before.evaluation().test(), null, result.seconds());
    Map<String, Double> phases = new LinkedHashMap<>(record.phaseSeconds());
    phases.put("evaluation", (System.nanoTime() - start) / 1e9);
    List<RunSummary> runs =
        List.of(
            RunFiles.summary(
                "Original",
                RunSummary.Role.ORIGINAL,
                before.metrics(before.evaluation().test(), null, original.seconds()),
                List.of(),
                null,
                before,
                Map.of(),
                Map.of()),
            RunFiles.summary(
                method,
                RunSummary.Role.UNLEARNED,
                metrics,
                record.trace(),
                before,
                after,
                phases,
                record.configuration()));
    folder.write(metrics);
    folder.write(new ReportData("lotus unlearn --method " + method, null, runs, record.versions()));
    System.out.print(ResultTable.of(runs).text());
    System.out.printf(
        "%s: %d epochs, %.1f s; evaluation %.1f s%n",
        folder.path(), result.trace().size(), result.seconds(), phases.get("evaluation"));
  }

  private UnlearnConfig config(UnlearnMethods.Entry entry, Dataset dataset) {
    return new UnlearnConfig(
        method,
        training.epochs,
        training.batch,
        training.learningRate != null ? training.learningRate : entry.learningRate(),
        training.weightDecay,
        training.augmentation(dataset),
        retainFraction,
        alpha,
        fixedTau(),
        rounding(),
        choice("--forget-target", forgetTarget, ForgetTarget.values()),
        choice("--retain-target", retainTarget, RetainTarget.values()),
        common.seed);
  }

  private int rounding() {
    if (accuracyRounding == null) {
      return Temperature.UNROUNDED;
    }
    if (accuracyRounding < 0 || accuracyRounding > 15) {
      throw new InputException(
          "--accuracy-rounding " + accuracyRounding + ": give 0 to 15 decimals");
    }
    return accuracyRounding;
  }

  private Double fixedTau() {
    if (tau == null) {
      return null;
    }
    try {
      if (tau.startsWith("fixed:")) {
        return Double.valueOf(tau.substring("fixed:".length()));
      }
    } catch (NumberFormatException e) {
      throw new InputException("--tau " + tau + ": give fixed:X with a number X > 0", e);
    }
    throw new InputException("--tau " + tau + ": give fixed:X with a number X > 0");
  }

  private static <E extends Enum<E>> E choice(String option, String text, E[] values) {
    for (E value : values) {
      if (value.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-').equals(text)) {
        return value;
      }
    }
    throw new InputException(
        option
            + " "
            + text
            + ": give "
            + java.util.Arrays.stream(values)
                .map(v -> v.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-'))
                .collect(java.util.stream.Collectors.joining(" or ")));
  }
}
