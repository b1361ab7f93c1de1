package dev.lotus.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.LeakCheck;
import dev.lotus.device.Precision;
import dev.lotus.kernel.GumbelNoise;
import dev.lotus.kernel.Matrix;
import dev.lotus.kernel.Philox;
import dev.lotus.load.Augmentation;
import dev.lotus.load.Batch;
import dev.lotus.load.BatchLoader;
import dev.lotus.load.EpochOrder;
import dev.lotus.report.EpochTrace;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnData;
import dev.lotus.unlearn.UnlearnLoop;
import dev.lotus.unlearn.UnlearnSettings;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The engine's steps and the published composition compute the same: their losses agree. */
@ExtendWith(LeakCheck.class)
class StepTraceTest {
  private static final int STEPS = 20;
  private static final int BATCH = 16;
  private static final long SEED = 5;
  private static final double TAU = 1.7;

  /**
   * AdamW's first steps are the gradient's sign: where that is rounding, two orders of summation go
   * apart by twice this.
   */
  private static final double LEARNING_RATE = 1e-5;

  private static final double WEIGHT_DECAY = 5e-4;
  private static final double TOLERANCE = 1e-4;

  @ParameterizedTest
  @CsvSource({"resnet18, 0.125, false", "resnet18, 0.125, true", "vit_ti_16, 0.5, false"})
  void lossesAgreeOverTwentySteps(String name, double width, boolean teacherRuns) {
    Dataset dataset = Datasets.open("synthetic", null, 0);
    // A batch in all, so that an epoch is a step.
    UnlearnData data = SmallSets.of(dataset, BATCH / 2, BATCH / 2, BATCH / 2);
    Arch arch = new Arch(name, dataset.classes(), 3, width, 32);
    UnlearnConfig config =
        new UnlearnSettings()
            .method("lotus")
            .epochs(STEPS)
            .batch(BATCH)
            .learningRate(LEARNING_RATE)
            .weightDecay(WEIGHT_DECAY)
            .retainFraction(1)
            .fixedTau(TAU)
            .seed(SEED)
            .augmentation(teacherRuns ? new Augmentation(4, true) : Augmentation.NONE)
            .build(dataset, arch);
    Engine engine =
        new Engine(
            ComputeDevice.CPU, Precision.FP32, dataset.normalization(), Engine.Listener.NONE);
    try (Backbone original = Backbones.create(arch)) {
      original.initialise(2);
      original.train(false);
      double[] composed = composed(engine, original, data, config);
      UnlearnLoop.Result result = new UnlearnLoop(engine, config).run(original, data, epoch -> {});
      result.model().close();
      double[] losses = result.trace().stream().mapToDouble(EpochTrace::loss).toArray();
      assertThat(losses).hasSize(STEPS);
      assertThat(Math.abs(losses[STEPS - 1] - losses[0])).isGreaterThan(100 * TOLERANCE);
      for (int i = 0; i < STEPS; i++) {
        assertThat(Math.abs(losses[i] - composed[i]))
            .as("step %d: %s, composed %s", i, losses[i], composed[i])
            .isLessThanOrEqualTo(TOLERANCE * Math.abs(composed[i]));
      }
    }
  }

  private static double[] composed(
      Engine engine, Backbone original, UnlearnData data, UnlearnConfig config) {
    EpochOrder order = EpochOrder.of(data.split().forget(), data.split().retain());
    List<Double> losses = new ArrayList<>();
    try (ComposedStep step =
            new ComposedStep(
                engine.device(), original, config.learningRate(), config.weightDecay());
        BatchLoader loader =
            new BatchLoader(
                data.dataset().train(),
                engine.normalization(),
                config.augmentation(),
                BATCH,
                engine.device())) {
      for (int i = 0; i < STEPS; i++) {
        int number = i;
        try (PointerScope scope = new PointerScope()) {
          Iterator<Batch> batches = loader.epoch(order.shuffled(SEED, i), i, SEED);
          Tensor loss = step.run(batches.next(), TAU, (like, hard) -> noise(like, hard, number));
          losses.add((double) loss.item_float());
        }
      }
    }
    return losses.stream().mapToDouble(Double::doubleValue).toArray();
  }

  /** The noise that the engine's kernel draws for a batch that is a whole epoch. */
  private static Tensor noise(Tensor like, boolean hard, int step) {
    Tensor noise = torch.empty_like(like);
    GumbelNoise.run(
        SEED,
        step,
        hard ? Philox.RETAIN_TARGET : Philox.FORGET_TARGET,
        null,
        Matrix.of(new FloatPointer(noise.data_ptr()), noise.size(0), noise.size(1)),
        null);
    return noise;
  }
}
