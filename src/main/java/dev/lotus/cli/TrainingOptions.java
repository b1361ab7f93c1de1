package dev.lotus.cli;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.data.Dataset;
import dev.lotus.device.InputException;
import dev.lotus.dist.Shards;
import dev.lotus.load.Augmentation;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.TrainLoop;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options of the commands that change weights. */
final class TrainingOptions {
  @Option(
      names = "--epochs",
      paramLabel = "N",
      required = true,
      description = "Passes over the data.")
  int epochs;

  @Option(
      names = "--lr",
      paramLabel = "R",
      description = "Learning rate (default: the method's published one; 0.1 in training).")
  Double learningRate;

  @Option(
      names = "--weight-decay",
      paramLabel = "R",
      description = "Weight decay (default: the method's published one; 5e-4 in training).")
  Double weightDecay;

  @Mixin BatchOption batch;

  @Option(
      names = "--bn-batch",
      paramLabel = "N",
      description =
          "BatchNorm in training takes the statistics of every N images of a batch: with the same N one process trains as many do (default: a process's part of the batch).")
  Integer bnBatch;

  /**
   * Rows that BatchNorm takes statistics over, where that is not the whole batch: what a run is the
   * same by, whatever the number of its processes.
   *
   * @return null for whole batches, and where the model has no BatchNorm
   */
  Integer effectiveBnBatch(Engine engine, Backbone model) {
    Shards shards = Shards.of(engine.group(), batch.number(), bnBatch);
    return shards.several() && model.hasBatchNorm() ? (Integer) shards.rows() : null;
  }

  /**
   * @throws InputException if it is none
   */
  Integer bnBatch() {
    return checked(bnBatch);
  }

  /**
   * @throws InputException where it is no number of images
   */
  static Integer checked(Integer bnBatch) {
    if (bnBatch != null && bnBatch < 1) {
      throw new InputException("--bn-batch " + bnBatch + ": give at least 1");
    }
    return bnBatch;
  }

  @Option(
      names = "--augment",
      paramLabel = "A",
      defaultValue = "published",
      description =
          "published = what the published runs use for the data set and the architecture, or none (default: ${DEFAULT-VALUE}).")
  String augment;

  /** What the option means for a data set and a model. */
  Augmentation augmentation(Dataset dataset, Arch arch) {
    return switch (augment) {
      case "published" -> Augmentation.published(dataset, arch.isTransformer());
      case "none" -> Augmentation.NONE;
      default -> throw new InputException("--augment " + augment + ": give published or none");
    };
  }

  TrainLoop.Config trainConfig(Dataset dataset, Arch arch, long seed) {
    if (epochs < 1) {
      throw new InputException("--epochs " + epochs + ": give at least 1");
    }
    double rate = learningRate != null ? learningRate : 0.1;
    double decay = weightDecay != null ? weightDecay : 5e-4;
    if (!(rate >= 0) || !(decay >= 0)) {
      throw new InputException(
          "--lr " + rate + " --weight-decay " + decay + ": both must be 0 or more");
    }
    return new TrainLoop.Config(
        epochs, batch.number(), rate, decay, augmentation(dataset, arch), seed);
  }
}
