package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.load.Augmentation;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.FusedUpdate;
import dev.lotus.optim.LearningRate;
import dev.lotus.optim.WeightUpdate;
import dev.lotus.report.EpochTrace;
import java.util.List;
import java.util.function.Consumer;

/**
 * Training from scratch, for the original and the retrained model: SGD, as published with linear
 * warm-up and decay for ResNet18, at a constant rate for the transformers.
 */
public final class TrainLoop {
  /** Momentum of the published runs. */
  static final double MOMENTUM = 0.9;

  /** How the learning rate goes over the epochs. */
  public enum Schedule {
    /** Up linearly over the first fifth, then down. */
    WARMUP,
    /** The same throughout. */
    CONSTANT
  }

  /**
   * @param epochs passes over the data
   * @param batch images a step
   * @param learningRate peak of the schedule; the published ResNet18 runs use 0.1 at batch 512
   * @param weightDecay 5e-4 as published
   * @param schedule of the learning rate
   * @param augmentation of the training images
   * @param seed of the initial weights, the order and the augmentation
   */
  public record Config(
      int epochs,
      int batch,
      double learningRate,
      double weightDecay,
      Schedule schedule,
      Augmentation augmentation,
      long seed) {
    /** With warm-up and decay. */
    public Config(
        int epochs,
        int batch,
        double learningRate,
        double weightDecay,
        Augmentation augmentation,
        long seed) {
      this(epochs, batch, learningRate, weightDecay, Schedule.WARMUP, augmentation, seed);
    }

    LearningRate rate() {
      return schedule == Schedule.CONSTANT
          ? LearningRate.constant(learningRate)
          : TrainLoop.schedule(learningRate, epochs);
    }
  }

  /**
   * What a run left beside the weights.
   *
   * @param trace by epoch
   * @param seconds of all epochs, before and after every interruption
   */
  public record Result(List<EpochTrace> trace, double seconds) {}

  private final Engine engine;
  private final Config config;

  public TrainLoop(Engine engine, Config config) {
    this.engine = engine;
    this.config = config;
  }

  /**
   * Initialises {@code model} and trains it on the given images.
   *
   * @param onEpoch is told of each epoch as it ends
   * @return the trace by epoch
   * @throws dev.lotus.device.ResultException if the loss becomes NaN or infinite
   */
  public List<EpochTrace> run(
      Backbone model, ImageSet images, int[] indices, Consumer<EpochTrace> onEpoch) {
    model.initialise(config.seed());
    return tune(model, images, indices, onEpoch);
  }

  /**
   * The published 30 epochs of warm-up of 150, in proportion; published, the last epoch has rate 0,
   * which a short run cannot spare.
   */
  static LearningRate schedule(double peak, int epochs) {
    return LearningRate.warmupThenDecay(peak, epochs / 5, epochs + 1);
  }

  /** The same from the weights that {@code model} has. */
  public List<EpochTrace> tune(
      Backbone model, ImageSet images, int[] indices, Consumer<EpochTrace> onEpoch) {
    return tune(model, images, indices, onEpoch, RunCheckpoints.NONE).trace();
  }

  /**
   * The same, kept as it goes on.
   *
   * @param checkpoints may hold one to go on from; the model's weights are then replaced
   * @throws RunStoppedException where they were asked to stop it
   */
  public Result tune(
      Backbone model,
      ImageSet images,
      int[] indices,
      Consumer<EpochTrace> onEpoch,
      RunCheckpoints checkpoints) {
    engine.place(model);
    SharedState.send(engine.group(), model);
    EpochOrder order = EpochOrder.of(indices);
    LearningRate rate = config.rate();
    try (WeightUpdate update =
            FusedUpdate.sgd(
                model.parameters(), config.learningRate(), MOMENTUM, config.weightDecay());
        EpochRunner runner =
            new EpochRunner(engine, model, update, images, config.augmentation(), config.batch())) {
      Pass pass = Pass.of(order, new CrossEntropyStep(engine, model));
      RunProgress progress = checkpoints.start(model, update);
      for (int epoch = progress.epoch(); epoch < config.epochs(); epoch++) {
        progress.begin(UnlearnMethod.Begin.GO);
        runner.runAll(List.of(pass), epoch, config.seed(), rate.at(epoch), progress);
        onEpoch.accept(progress.end());
      }
      model.train(false);
      return new Result(progress.trace(), progress.seconds());
    }
  }
}
