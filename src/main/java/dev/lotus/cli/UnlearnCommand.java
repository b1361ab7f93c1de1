package dev.lotus.cli;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.KeyLayout;
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
import dev.lotus.unlearn.OptionWords;
import dev.lotus.unlearn.RunCheckpoints;
import dev.lotus.unlearn.RunFiles;
import dev.lotus.unlearn.RunPlan;
import dev.lotus.unlearn.Temperature;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnData;
import dev.lotus.unlearn.UnlearnLoop;
import dev.lotus.unlearn.UnlearnMethods;
import dev.lotus.unlearn.UnlearnSettings;
import dev.lotus.unlearn.UpstreamQuirk;
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
  /** Options that mean nothing to some methods, and are refused with those. */
  private static final List<String> HYPER_PARAMETERS =
      List.of(
          "--lr",
          "--weight-decay",
          "--retain-fraction",
          "--alpha",
          "--tau",
          "--accuracy-rounding",
          "--forget-target",
          "--retain-target");

  @Spec CommandSpec spec;
  @Mixin DataOptions data;
  @Mixin CommonOptions common;
  @Mixin TrainingOptions training;
  @Mixin ModelOptions models;
  @Mixin SaveOptions saving;
  @Mixin TrackingOptions tracking;
  @Mixin ResumeOptions resuming;

  @Option(
      names = "--method",
      paramLabel = "X",
      required = true,
      description =
          "lotus, finetune, neggrad+, random-label, bad-teacher, scrub, ssd (takes one epoch), unsir, salun (random labels inside), salun-lotus, or retrain, the gold standard.")
  String method;

  @Option(
      names = "--upstream-quirks",
      paramLabel = "Q",
      description =
          "all, or names with commas between: do as the published code where it departs from the method's paper; see docs/fidelity.md.")
  String upstreamQuirks;

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
          "lotus, salun-lotus: tau = exp(A (accuracy on forget - accuracy on unseen)); 8 is published for CIFAR-10 (default: ${DEFAULT-VALUE}).")
  double alpha;

  @Option(
      names = "--retain-fraction",
      paramLabel = "F",
      defaultValue = "0.3",
      description =
          "lotus, salun-lotus, bad-teacher: share of the retain set that takes part (default: ${DEFAULT-VALUE}).")
  double retainFraction;

  @Option(
      names = "--forget-target",
      paramLabel = "T",
      defaultValue = "gumbel-softmax",
      description = "lotus, salun-lotus: gumbel-softmax or softmax (default: ${DEFAULT-VALUE}).")
  String forgetTarget;

  @Option(
      names = "--retain-target",
      paramLabel = "T",
      defaultValue = "gumbel-hard",
      description =
          "lotus, salun-lotus: gumbel-hard, a sample of the teacher as published, or argmax (default: ${DEFAULT-VALUE}).")
  String retainTarget;

  @Option(
      names = "--tau",
      paramLabel = "fixed:X",
      description = "lotus, salun-lotus: a fixed temperature X > 0 instead of the schedule.")
  String tau;

  @Option(
      names = "--accuracy-rounding",
      paramLabel = "N",
      description =
          "lotus, salun-lotus: round accuracies to N decimals before tau and the stop rule; 2 = as published (default: none).")
  Integer accuracyRounding;

  @Option(
      names = "--plan",
      description =
          "Say first, from a probe of about ten steps, what the run will take: images, operations, seconds.")
  boolean plan;

  private RunPlan planned;
  private Split.Source split;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "The run folder to write.")
  Path out;

  @Override
  public Integer call() {
    Ranks.join();
    common.bnBatch = training.bnBatch();
    // Refused before the data are read.
    UnlearnMethods.entry(method);
    tracking.settings();
    RunFolder folder = new RunFolder(out);
    resuming.check(folder);
    ModelSource.requireKept("--original", models.original, folder);
    split = Split.readSource(splitFile);
    Certification.check(folder, split);
    Dataset dataset = data.open();
    UnlearnData sets = new UnlearnData(dataset, split.split());
    try (ModelSource original = models.openOriginal(data.normalize, dataset)) {
      KeyLayout layout = saving.layoutFor(original.backbone().arch());
      Engine engine = common.engine(original.normalizationFor(dataset));
      training.batch.choose(
          engine, original.backbone(), dataset.train(), resuming.resume ? folder : null);
      UnlearnConfig config = config(dataset, original.backbone().arch());
      folder.prepare();
      try {
        unlearn(engine, config, original, sets, layout, folder);
      } catch (RuntimeException e) {
        throw training.batch.explained(e, engine, original.backbone(), dataset.train());
      }
    } finally {
      // Whatever became of the run, what was to be forgotten does not stay behind.
      if (!data.keepCache) {
        dataset.train().eraseCached(sets.split().forget());
      }
    }
    return Main.DONE;
  }

  private void unlearn(
      Engine engine,
      UnlearnConfig config,
      ModelSource original,
      UnlearnData sets,
      KeyLayout layout,
      RunFolder folder) {
    Map<String, String> configuration = configuration(config, engine, original);
    String splitSha256 = split.sha256();
    String originalSha256 = original.sha256();
    RunCheckpoints checkpoints =
        resuming.open(
            folder,
            ResumeOptions.identity(
                spec, configuration, sets.dataset().sha256(), splitSha256, originalSha256),
            saving.layout,
            engine,
            common::tell);
    if (checkpoints == null) {
      return;
    }
    planned = planned(engine, original, sets, config);
    try (TrackingOptions.Told told =
        tracking.begin(out, configuration, checkpoints, common.progress()::note)) {
      UnlearnLoop.Result result;
      try (Signals.Watch watch = Signals.stopping(checkpoints)) {
        result =
            new UnlearnLoop(engine, config)
                .run(original.backbone(), sets, told.epochs(common.progress()::note), checkpoints);
      }
      Map<String, Double> phases = new LinkedHashMap<>();
      phases.put("unlearning", result.seconds());
      RunRecord record =
          RunFiles.record(
              "unlearn",
              method,
              common.seed,
              engine,
              result.model(),
              configuration,
              sets.dataset(),
              splitSha256,
              originalSha256,
              phases,
              result.trace());
      try (Backbone unlearned = result.model()) {
        RunFiles.save(folder, unlearned, layout, splitSha256);
        folder.write(record);
        Metrics metrics = judge(engine, config, original, result, record, sets, folder);
        told.run().metrics(metrics);
        Certification.write(folder, record, originalSha256, split, sets, metrics);
        checkpoints.remove();
      }
      told.run().done();
    }
  }

  /** What run.json says: the options, and the quirks by their names. */
  private Map<String, String> configuration(
      UnlearnConfig config, Engine engine, ModelSource original) {
    Map<String, String> values =
        Runs.configuration(
            spec,
            config.learningRate(),
            config.weightDecay(),
            config.batch(),
            engine.normalization(),
            config.augmentation(),
            training.effectiveBnBatch(engine, original.backbone()));
    if (!config.quirks().isEmpty()) {
      values.put(RunFiles.QUIRKS, UpstreamQuirk.names(config.quirks()));
    }
    return values;
  }

  /** The plan, if one was asked for. */
  private RunPlan planned(
      Engine engine, ModelSource original, UnlearnData sets, UnlearnConfig config) {
    if (!plan) {
      return null;
    }
    Ranks.requireAlone("--plan");
    RunPlan planned = RunPlan.of(engine, original.backbone(), sets, config);
    System.out.println(planned.text());
    return planned;
  }

  private Metrics judge(
      Engine engine,
      UnlearnConfig config,
      ModelSource original,
      UnlearnLoop.Result result,
      RunRecord record,
      UnlearnData sets,
      RunFolder folder) {
    long start = System.nanoTime();
    ModelScores before = ModelScores.of(engine, original.backbone(), sets);
    ModelScores after = ModelScores.of(engine, result.model(), sets, config);
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
    if (planned != null) {
      System.out.println(planned.compared(result.seconds(), phases.get("evaluation")));
    }
    return metrics;
  }

  private UnlearnConfig config(Dataset dataset, Arch arch) {
    for (String option : HYPER_PARAMETERS) {
      if (spec.commandLine().getParseResult().hasMatchedOption(option)) {
        UnlearnMethods.requireOption(method, option);
      }
    }
    return new UnlearnSettings()
        .method(method)
        .epochs(training.epochs)
        .batch(training.batch.number())
        .learningRate(training.learningRate)
        .weightDecay(training.weightDecay)
        .augmentation(training.augmentation(dataset, arch))
        .retainFraction(retainFraction)
        .alpha(alpha)
        .fixedTau(fixedTau())
        .accuracyRounding(rounding())
        .forgetTarget(OptionWords.parse("--forget-target", forgetTarget, ForgetTarget.values()))
        .retainTarget(OptionWords.parse("--retain-target", retainTarget, RetainTarget.values()))
        .seed(common.seed)
        .quirks(UpstreamQuirk.parse(upstreamQuirks, method))
        .build(dataset, arch);
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
}
