package dev.lotus.cli;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.backbone.KeyLayout;
import dev.lotus.data.Checksum;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.Split;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.load.Augmentation;
import dev.lotus.load.EpochOrder;
import dev.lotus.metric.Metrics;
import dev.lotus.metric.SetStatistics;
import dev.lotus.report.EpochTrace;
import dev.lotus.report.ReportData;
import dev.lotus.report.ResultTable;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunSummary;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.LibraryVersions;
import dev.lotus.unlearn.ModelScores;
import dev.lotus.unlearn.RunFiles;
import dev.lotus.unlearn.Temperature;
import dev.lotus.unlearn.TrainLoop;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnData;
import dev.lotus.unlearn.UnlearnLoop;
import dev.lotus.unlearn.UnlearnMethods;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code lotus demo}: the whole story on generated data: train, retrain, unlearn twice, judge all
 * four.
 */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    description =
        "The whole story on generated data in about a minute: a table here, a page in the folder.")
final class DemoCommand implements Callable<Integer> {
  private static final double FORGET_FRACTION = 0.1;
  private static final int TRAIN_EPOCHS = 14;
  private static final int UNLEARN_EPOCHS = 6;
  private static final int BATCH = 128;
  private static final double ALPHA = 2;

  @Mixin CommonOptions common;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      defaultValue = "runs/demo",
      description = "Folder of the four run folders and the page (default: ${DEFAULT-VALUE}).")
  Path out;

  /** A model of the story, with what made it. */
  private record Chapter(
      String name,
      RunSummary.Role role,
      Backbone model,
      List<EpochTrace> trace,
      double seconds,
      Map<String, String> settings) {}

  private Engine engine;
  private UnlearnData data;
  private final Map<String, Double> phases = new LinkedHashMap<>();

  @Override
  public Integer call() {
    long start = System.nanoTime();
    Dataset dataset = Datasets.open("synthetic", null, 0);
    engine = common.engine(dataset.normalization());
    data = new UnlearnData(dataset, Split.random(dataset, FORGET_FRACTION, false, common.seed));
    data.split().write(out.resolve("split.json"));
    phases.put("generating data", (System.nanoTime() - start) / 1e9);
    List<Chapter> chapters = new ArrayList<>();
    try {
      int[] all = EpochOrder.all(dataset.train().size()).indices();
      chapters.add(train("Original", RunSummary.Role.ORIGINAL, all));
      chapters.add(train("Retrained", RunSummary.Role.RETRAINED, data.split().retain()));
      Backbone original = chapters.get(0).model();
      chapters.add(unlearn("LoTUS", "lotus", 3e-4, original));
      chapters.add(unlearn("Finetune", "finetune", 1e-2, original));
      judge(chapters);
    } finally {
      chapters.forEach(chapter -> chapter.model().close());
    }
    System.out.printf(
        "%nopen %s in a browser (%.0f s in all)%n",
        out.resolve("report.html"), (System.nanoTime() - start) / 1e9);
    return Main.DONE;
  }

  private Chapter train(String name, RunSummary.Role role, int[] indices) {
    Dataset dataset = data.dataset();
    TrainLoop.Config config =
        new TrainLoop.Config(TRAIN_EPOCHS, BATCH, 0.1, 5e-4, Augmentation.NONE, common.seed);
    common.progress().note(name + ": training on " + indices.length + " samples");
    Backbone model =
        Backbones.create(
            new Arch(
                "resnet18",
                dataset.classes(),
                dataset.train().channels(),
                0.25,
                dataset.train().height()));
    long start = System.nanoTime();
    List<EpochTrace> trace =
        new TrainLoop(engine, config)
            .run(model, dataset.train(), indices, e -> common.progress().note(e.line()));
    double seconds = (System.nanoTime() - start) / 1e9;
    return new Chapter(
        name,
        role,
        model,
        trace,
        seconds,
        settings(config.learningRate(), config.weightDecay(), TRAIN_EPOCHS));
  }

  private Chapter unlearn(String name, String method, double learningRate, Backbone original) {
    common.progress().note(name + ": unlearning " + data.split().forget().length + " samples");
    UnlearnConfig config =
        new UnlearnConfig(
            method,
            UNLEARN_EPOCHS,
            BATCH,
            learningRate,
            UnlearnMethods.entry(method).weightDecay(),
            Augmentation.NONE,
            0.3,
            ALPHA,
            null,
            Temperature.UNROUNDED,
            ForgetTarget.GUMBEL_SOFTMAX,
            RetainTarget.GUMBEL_HARD,
            common.seed);
    UnlearnLoop.Result result =
        new UnlearnLoop(engine, config).run(original, data, e -> common.progress().note(e.line()));
    Map<String, String> settings = settings(learningRate, config.weightDecay(), UNLEARN_EPOCHS);
    if (method.equals("lotus")) {
      settings.put("alpha", String.valueOf(config.alpha()));
      settings.put("retain-fraction", String.valueOf(config.retainFraction()));
    }
    return new Chapter(
        name,
        RunSummary.Role.UNLEARNED,
        result.model(),
        result.trace(),
        result.seconds(),
        settings);
  }

  private Map<String, String> settings(double learningRate, double weightDecay, int epochs) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("epochs", String.valueOf(epochs));
    settings.put("lr", String.valueOf(learningRate));
    settings.put("weight-decay", String.valueOf(weightDecay));
    settings.put("augment", "none");
    settings.put("batch", String.valueOf(BATCH));
    settings.put("seed", String.valueOf(common.seed));
    settings.put("precision", engine.precision().toString());
    return settings;
  }

  private void judge(List<Chapter> chapters) {
    long start = System.nanoTime();
    Map<String, ModelScores> scores = new LinkedHashMap<>();
    for (Chapter chapter : chapters) {
      scores.put(chapter.name(), ModelScores.of(engine, chapter.model(), data));
    }
    phases.put("evaluating four models", (System.nanoTime() - start) / 1e9);
    ModelScores original = scores.get("Original");
    ModelScores gold = scores.get("Retrained");
    SetStatistics originalTest = original.evaluation().test();
    List<RunSummary> runs = new ArrayList<>();
    for (Chapter chapter : chapters) {
      ModelScores own = scores.get(chapter.name());
      Metrics metrics = own.metrics(originalTest, own == gold ? null : gold, chapter.seconds());
      boolean unlearned = chapter.role() == RunSummary.Role.UNLEARNED;
      runs.add(
          RunFiles.summary(
              chapter.name(),
              chapter.role(),
              metrics,
              chapter.trace(),
              unlearned ? original : null,
              own,
              phases(chapter),
              chapter.settings()));
      write(chapter, metrics);
    }
    new RunFolder(out).write(new ReportData("lotus demo", null, runs, LibraryVersions.all()));
    System.out.print(ResultTable.of(runs).text());
  }

  /** What making the model took; the story's own phases stand with its first model. */
  private Map<String, Double> phases(Chapter chapter) {
    Map<String, Double> own = new LinkedHashMap<>();
    if (chapter.role() == RunSummary.Role.ORIGINAL) {
      own.putAll(phases);
    }
    own.put(
        chapter.role() == RunSummary.Role.UNLEARNED ? "unlearning" : "training", chapter.seconds());
    return own;
  }

  /** Each model as a run folder of its own, so that the other commands can take it up. */
  private void write(Chapter chapter, Metrics metrics) {
    RunFolder folder = new RunFolder(out.resolve(chapter.name().toLowerCase(Locale.ROOT)));
    boolean trained = chapter.role() != RunSummary.Role.UNLEARNED;
    RunFiles.save(folder, chapter.model(), KeyLayout.LOTUS, null);
    folder.write(
        RunFiles.record(
            trained ? "train" : "unlearn",
            trained ? null : chapter.name().toLowerCase(Locale.ROOT),
            common.seed,
            engine,
            chapter.model(),
            chapter.settings(),
            data.dataset(),
            Checksum.ofFile(out.resolve("split.json")),
            null,
            Map.of(trained ? "training" : "unlearning", chapter.seconds()),
            chapter.trace()));
    folder.write(metrics);
  }
}
