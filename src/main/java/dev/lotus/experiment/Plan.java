package dev.lotus.experiment;

import dev.lotus.backbone.Arch;
import dev.lotus.data.Dataset;
import dev.lotus.data.Normalization;
import dev.lotus.data.Split;
import dev.lotus.device.InputException;
import dev.lotus.experiment.ExperimentSpec.DataSpec;
import dev.lotus.experiment.ExperimentSpec.MethodSpec;
import dev.lotus.experiment.ExperimentSpec.ModelSpec;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.load.Augmentation;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.OptionWords;
import dev.lotus.unlearn.RunFiles;
import dev.lotus.unlearn.Temperature;
import dev.lotus.unlearn.TrainLoop;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnData;
import dev.lotus.unlearn.UnlearnSettings;
import dev.lotus.unlearn.UpstreamQuirk;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An experiment as work: for every model, data set and training seed a cell, with an original, a
 * gold model and a run a method and unlearning seed. All inputs are opened and checked here, before
 * hours of work.
 *
 * @param spec the file
 * @param cells in the order they are worked through
 */
record Plan(ExperimentSpec spec, List<Cell> cells) {

  /**
   * What shares an original.
   *
   * @param engine with the normalisation of this model on these data
   * @param weights to go on from, or null
   * @param training null = the weights as they are
   * @param gold null where the model was not trained here
   * @param audit null where none was asked for
   */
  record Cell(
      ModelSpec model,
      DataSpec dataSpec,
      long seed,
      Engine engine,
      UnlearnData data,
      String splitSha256,
      Path weights,
      TrainLoop.Config training,
      WorkItem original,
      WorkItem gold,
      List<Unlearning> runs,
      AuditPlan audit) {
    Arch arch() {
      Dataset dataset = data.dataset();
      return Plan.arch(model, dataset);
    }

    private Cell with(AuditPlan plan) {
      return new Cell(
          model,
          dataSpec,
          seed,
          engine,
          data,
          splitSha256,
          weights,
          training,
          original,
          gold,
          runs,
          plan);
    }
  }

  /**
   * A method from one original with one seed.
   *
   * @param data the cell's, but for unseen data of the method's own
   */
  record Unlearning(MethodSpec method, UnlearnConfig config, UnlearnData data, WorkItem item) {}

  static Plan of(ExperimentSpec spec, Inputs inputs, Engine engine) {
    List<Cell> cells = new ArrayList<>();
    for (DataSpec data : spec.data()) {
      for (ModelSpec model : spec.models()) {
        for (long seed : spec.seeds().training()) {
          cells.add(cell(spec, model, data, seed, inputs, engine));
        }
      }
    }
    return new Plan(spec, cells);
  }

  private static Cell cell(
      ExperimentSpec spec,
      ModelSpec model,
      DataSpec dataSpec,
      long seed,
      Inputs inputs,
      Engine engine) {
    Dataset dataset = inputs.open(dataSpec, null);
    Split split = inputs.split(dataSpec, dataset, spec.seeds().splitOf(seed));
    UnlearnData data = new UnlearnData(dataset, split);
    String splitSha256 = WorkItem.hash(split);
    Engine own = engine.with(normalization(model, dataset));
    Path weights = inputs.weights(model.weights());
    TrainLoop.Config training = training(model, dataset, arch(model, dataset), seed);
    String label = model.name() + " on " + dataSpec.name() + ", seed " + seed;
    Map<String, Object> identity = new LinkedHashMap<>();
    identity.put("model", arch(model, dataset).toMetadata());
    identity.put("weights_sha256", weights == null ? null : inputs.checksum(weights));
    identity.put("normalization", RunFiles.text(own.normalization()));
    identity.put("training", training);
    identity.put("data_sha256", dataset.sha256());
    identity.put("precision", own.precision().toString());
    identity.put("device", own.device().cuda() ? "cuda" : "cpu");
    identity.putAll(statistics(own, arch(model, dataset)));
    WorkItem original = WorkItem.of(WorkItem.Kind.ORIGINAL, "Original, " + label, identity);
    WorkItem gold = null;
    if (training != null) {
      Map<String, Object> without = new LinkedHashMap<>(identity);
      without.put("without_forget_of_split", splitSha256);
      gold = WorkItem.of(WorkItem.Kind.GOLD, "Gold, " + label, without);
    }
    List<Unlearning> runs = new ArrayList<>();
    for (MethodSpec method : spec.methods()) {
      for (long unlearningSeed : spec.seeds().unlearningOf(seed)) {
        UnlearnData runData = data;
        if (method.unseen() != null) {
          Dataset with = inputs.open(dataSpec, method.unseen());
          runData = new UnlearnData(with, Inputs.withUnseen(split, with));
        }
        UnlearnConfig config = config(method, dataset, arch(model, dataset), unlearningSeed);
        Map<String, Object> parts = new LinkedHashMap<>();
        parts.put("original", original.sha256());
        parts.put("split_sha256", splitSha256);
        parts.put("unseen", method.unseen() == null ? null : runData.dataset().sha256());
        parts.put("unlearning", config);
        String runLabel =
            method.name() + ", " + label + (unlearningSeed == seed ? "" : "/" + unlearningSeed);
        runs.add(
            new Unlearning(
                method, config, runData, WorkItem.of(WorkItem.Kind.UNLEARNED, runLabel, parts)));
      }
    }
    Cell cell =
        new Cell(
            model,
            dataSpec,
            seed,
            own,
            data,
            splitSha256,
            weights,
            training,
            original,
            gold,
            runs,
            null);
    return spec.audit() == null ? cell : cell.with(AuditPlan.of(spec.audit(), cell, identity));
  }

  /** What BatchNorm takes its statistics over, where that is not one process's whole batch. */
  private static Map<String, Object> statistics(Engine engine, Arch arch) {
    if (arch.isTransformer()) {
      return Map.of();
    }
    if (engine.bnBatch() != null) {
      return Map.of("bn_batch", engine.bnBatch());
    }
    return engine.group().alone() ? Map.of() : Map.of("processes", engine.group().size());
  }

  private static Normalization normalization(ModelSpec model, Dataset dataset) {
    try {
      return Normalization.parse(model.normalize(), dataset.normalization());
    } catch (InputException e) {
      throw new InputException(
          "model " + model.name() + ": " + e.getMessage().replace("--normalize", "normalize"), e);
    }
  }

  private static Arch arch(ModelSpec model, Dataset dataset) {
    return new Arch(
        model.architecture(),
        dataset.classes(),
        dataset.train().channels(),
        model.width(),
        dataset.train().height());
  }

  static TrainLoop.Config training(ModelSpec model, Dataset dataset, Arch arch, long seed) {
    ExperimentSpec.Training train = model.train();
    return train == null
        ? null
        : new TrainLoop.Config(
            train.epochs(),
            train.batch(),
            train.lr(),
            train.weightDecay(),
            OptionWords.parse("schedule", train.schedule(), TrainLoop.Schedule.values()),
            augmentation(train.augment(), dataset, arch),
            seed);
  }

  static UnlearnConfig config(MethodSpec method, Dataset dataset, Arch arch, long seed) {
    return new UnlearnSettings()
        .method(method.method())
        .epochs(method.epochs())
        .batch(method.batch())
        .learningRate(method.lr())
        .weightDecay(method.weightDecay())
        .augmentation(augmentation(method.augment(), dataset, arch))
        .retainFraction(method.retainFraction())
        .alpha(method.alpha())
        .fixedTau(method.tau())
        .accuracyRounding(
            method.accuracyRounding() != null ? method.accuracyRounding() : Temperature.UNROUNDED)
        .forgetTarget(
            OptionWords.parse("forget_target", method.forgetTarget(), ForgetTarget.values()))
        .retainTarget(
            OptionWords.parse("retain_target", method.retainTarget(), RetainTarget.values()))
        .beta(method.beta())
        .seed(seed)
        .quirks(UpstreamQuirk.parse(method.upstreamQuirks(), method.method()))
        .build(dataset, arch);
  }

  private static Augmentation augmentation(boolean published, Dataset dataset, Arch arch) {
    return published ? Augmentation.published(dataset, arch.isTransformer()) : Augmentation.NONE;
  }
}
