package dev.lotus.cli;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.backbone.KeyLayout;
import dev.lotus.data.Dataset;
import dev.lotus.data.ImageSet;
import dev.lotus.data.Split;
import dev.lotus.device.InputException;
import dev.lotus.load.EpochOrder;
import dev.lotus.metric.Evaluation;
import dev.lotus.metric.Metrics;
import dev.lotus.metric.SetStatistics;
import dev.lotus.report.EpochTrace;
import dev.lotus.report.ReportData;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunRecord;
import dev.lotus.report.RunSummary;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.Evaluator;
import dev.lotus.unlearn.ModelScores;
import dev.lotus.unlearn.RunCheckpoints;
import dev.lotus.unlearn.RunFiles;
import dev.lotus.unlearn.TrainLoop;
import dev.lotus.unlearn.UnlearnData;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code lotus train}: the original model, or with {@code --on retain} the gold standard that never
 * saw D_f.
 */
@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    description =
        "Train a model, from scratch or from given weights: SGD with momentum 0.9, linear warm-up and decay.")
final class TrainCommand implements Callable<Integer> {
  @Spec CommandSpec spec;
  @Mixin DataOptions data;
  @Mixin CommonOptions common;
  @Mixin TrainingOptions training;
  @Mixin SaveOptions saving;
  @Mixin TrackingOptions tracking;
  @Mixin ForeignOptions foreign;
  @Mixin ResumeOptions resuming;

  @Option(
      names = "--model",
      paramLabel = "M",
      required = true,
      description =
          "An architecture, drawn anew: resnet18, resnet20, resnet32, resnet44, resnet56, resnet18_torchvision, resnet18_cifar, vit_b_16, vit_s_16 or vit_ti_16; or a model to go on from: a run folder, weights or a TorchScript program.")
  String model;

  @Option(
      names = "--width",
      paramLabel = "W",
      defaultValue = "1",
      description = "Factor on every layer's channels (default: ${DEFAULT-VALUE}).")
  double width;

  @Option(
      names = "--split",
      paramLabel = "FILE",
      description = "A split.json, for --on retain and for the four accuracies.")
  Path splitFile;

  @Option(
      names = "--on",
      paramLabel = "SET",
      defaultValue = "train",
      description =
          "train = all training samples; retain = without the split's forget set (default: ${DEFAULT-VALUE}).")
  String on;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "The run folder to write.")
  Path out;

  private Split.Source split;

  @Override
  public Integer call() {
    Ranks.join();
    tracking.settings();
    common.bnBatch = training.bnBatch();
    if (!on.equals("train") && !on.equals("retain")) {
      throw new InputException("--on " + on + ": give train or retain");
    }
    if (on.equals("retain") && splitFile == null) {
      throw new InputException("--on retain needs --split: it says which samples are left out");
    }
    RunFolder folder = new RunFolder(out);
    resuming.check(folder);
    if (!Backbones.names().contains(model)) {
      ModelSource.requireKept("--model", Path.of(model), folder);
    }
    Dataset dataset = data.open();
    split = splitFile == null ? null : Split.readSource(splitFile);
    UnlearnData sets = split == null ? null : new UnlearnData(dataset, split.split());
    try (ModelSource source = source(dataset)) {
      Backbone backbone = source.backbone();
      KeyLayout layout = saving.layoutFor(backbone.arch());
      Engine engine = common.engine(source.normalizationFor(dataset));
      training.batch.choose(engine, backbone, dataset.train(), resuming.resume ? folder : null);
      TrainLoop.Config config = training.trainConfig(dataset, backbone.arch(), common.seed);
      folder.prepare();
      try {
        train(engine, config, source, dataset, sets, layout, folder);
      } catch (RuntimeException e) {
        throw training.batch.explained(e, engine, backbone, dataset.train());
      }
    }
    return Main.DONE;
  }

  private void train(
      Engine engine,
      TrainLoop.Config config,
      ModelSource source,
      Dataset dataset,
      UnlearnData sets,
      KeyLayout layout,
      RunFolder folder) {
    Backbone backbone = source.backbone();
    ImageSet images = dataset.train();
    int[] indices =
        on.equals("retain") ? sets.split().retain() : EpochOrder.all(images.size()).indices();
    Map<String, String> configuration =
        Runs.configuration(
            spec,
            config.learningRate(),
            config.weightDecay(),
            config.batch(),
            engine.normalization(),
            config.augmentation(),
            training.effectiveBnBatch(engine, backbone));
    String splitSha256 = split == null ? null : split.sha256();
    RunCheckpoints checkpoints =
        resuming.open(
            folder,
            ResumeOptions.identity(
                spec, configuration, dataset.sha256(), splitSha256, source.sha256()),
            saving.layout,
            engine,
            common::tell);
    if (checkpoints == null) {
      return;
    }
    try (TrackingOptions.Told told =
        tracking.begin(out, configuration, checkpoints, common.progress()::note)) {
      TrainLoop.Result made;
      try (Signals.Watch watch = Signals.stopping(checkpoints)) {
        made =
            new TrainLoop(engine, config)
                .tune(backbone, images, indices, told.epochs(common.progress()::note), checkpoints);
      }
      List<EpochTrace> trace = made.trace();
      double seconds = made.seconds();
      RunFiles.save(folder, backbone, layout, splitSha256);
      RunRecord record =
          RunFiles.record(
              "train",
              null,
              common.seed,
              engine,
              backbone,
              configuration,
              dataset,
              splitSha256,
              source.sha256(),
              Map.of("training", seconds),
              trace);
      folder.write(record);
      Evaluator evaluator = new Evaluator(engine);
      SetStatistics trained = evaluator.statistics(backbone, images, indices, on);
      SetStatistics heldOut =
          evaluator.statistics(
              backbone,
              dataset.heldOut(),
              EpochOrder.all(dataset.heldOut().size()).indices(),
              "held-out");
      // Without a split nothing says which samples would be retained, and all held-out ones are
      // test.
      ModelScores scores =
          sets == null
              ? new ModelScores(new Evaluation(null, null, null, heldOut), null)
              : ModelScores.of(engine, backbone, sets);
      Metrics metrics = scores.metrics(null, null, seconds);
      told.run().metrics(metrics);
      RunSummary summary =
          RunFiles.summary(
              on.equals("retain") ? "Retrained" : "Original",
              on.equals("retain") ? RunSummary.Role.RETRAINED : RunSummary.Role.ORIGINAL,
              metrics,
              trace,
              null,
              scores,
              record.phaseSeconds(),
              record.configuration());
      folder.write(
          new ReportData(
              "lotus train --model " + model,
              String.format(
                  Locale.ROOT,
                  "Accuracy on the training samples %.4f, on the held-out ones %.4f.",
                  trained.accuracy(),
                  heldOut.accuracy()),
              List.of(summary),
              record.versions()));
      // Last: by it a finished run is known.
      folder.write(metrics);
      System.out.printf(
          "%s: accuracy on the %d training samples %.4f, on the %d held-out %.4f, %.1f s%n",
          out, trained.rows(), trained.accuracy(), heldOut.rows(), heldOut.accuracy(), seconds);
      told.run().done();
      checkpoints.remove();
    }
  }

  /** A new model of a named architecture, or one to go on from. */
  private ModelSource source(Dataset dataset) {
    Path place = Path.of(model);
    if (!Backbones.names().contains(model) && Files.exists(place)) {
      if (width != 1) {
        throw new InputException("--width " + width + ": " + model + " has its own");
      }
      return ModelSource.openToTrain(
          "--model", place, foreign, data.normalize, dataset, common.seed);
    }
    if (foreign.arch != null) {
      throw new InputException(
          "--arch " + foreign.arch + ": --model " + model + " is no file to read");
    }
    ImageSet images = dataset.train();
    Backbone backbone =
        Backbones.create(
            new Arch(model, dataset.classes(), images.channels(), width, images.height()));
    backbone.initialise(common.seed);
    return new ModelSource(null, backbone, data.normalize, null, null);
  }
}
