package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.Split;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.LeakCheck;
import dev.lotus.device.Precision;
import dev.lotus.device.TorchRuntime;
import dev.lotus.load.Augmentation;
import dev.lotus.metric.SetStatistics;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Epochs until the forget set is known again, on a corner of the generated data. */
@ExtendWith(LeakCheck.class)
class RelearningTest {
  private static UnlearnData data;
  private static Engine engine;

  @BeforeAll
  static void open() {
    TorchRuntime.load(2);
    Dataset dataset = Datasets.open("synthetic", null, 0);
    Split whole = Split.random(dataset, 0.1, false, 1);
    data =
        new UnlearnData(
            dataset,
            new Split(
                1,
                whole.dataset(),
                whole.dataSha256(),
                1,
                "random",
                Arrays.copyOf(whole.forget(), 30),
                Arrays.copyOf(whole.retain(), 40),
                Arrays.copyOf(whole.val(), 10),
                Arrays.copyOf(whole.test(), 10)));
    engine =
        new Engine(
            ComputeDevice.CPU, Precision.FP32, dataset.normalization(), Engine.Listener.NONE);
  }

  private static double accuracy(Backbone model) {
    return statistics(model).accuracy();
  }

  private static SetStatistics statistics(Backbone model) {
    return new Evaluator(engine)
        .statistics(model, data.dataset().train(), data.split().forget(), "forget");
  }

  @Test
  void countsEpochsAndLeavesTheModelAlone() {
    try (Backbone model = Backbones.create(new Arch("resnet20", 10, 3, 0.25, 32))) {
      model.initialise(3);
      model.train(false);
      // The order of the weights in memory shows in the last bits.
      engine.place(model);
      float[] before = statistics(model).loss();
      double untrained = accuracy(model);
      // Never forgotten: as good as the original, or within a hundredth of it.
      assertThat(new Relearning(engine, data, untrained, 1).onForget(model)).isZero();
      assertThat(new Relearning(engine, data, untrained + 0.0099, 1).onRetain(model)).isZero();
      // Out of reach: says so by one epoch more than were tried.
      assertThat(new Relearning(engine, data, 2, 1).onRetain(model))
          .isEqualTo(Relearning.MAX_EPOCHS + 1);
      assertThat(statistics(model).loss()).isEqualTo(before);
    }
  }

  /** As many epochs as ordinary training takes, not one fewer. */
  @Test
  void countsTheEpochsOfOrdinaryTraining() {
    Rig rig = Rig.of(150, 40, 10);
    int[] forget = rig.data.split().forget();
    try (Backbone model = Rig.model(3)) {
      rig.engine.place(model);
      double goal = accuracy(rig, model) + 0.05;
      int epochs =
          new Relearning(rig.engine, rig.data, goal + Relearning.TOLERANCE, 1).onForget(model);
      assertThat(epochs).isBetween(1, Relearning.MAX_EPOCHS);
      for (int few = epochs - 1; few <= epochs; few++) {
        try (Backbone copy = model.copy()) {
          if (few > 0) {
            TrainLoop.Config config =
                new TrainLoop.Config(
                    few, 128, 1e-3, 5e-4, TrainLoop.Schedule.CONSTANT, Augmentation.NONE, 1);
            new TrainLoop(rig.engine, config)
                .tune(copy, rig.data.dataset().train(), forget, e -> {});
          }
          assertThat(accuracy(rig, copy) >= goal).isEqualTo(few == epochs);
        }
      }
    }
  }

  private static double accuracy(Rig rig, Backbone model) {
    return new Evaluator(rig.engine)
        .statistics(model, rig.data.dataset().train(), rig.data.split().forget(), "forget")
        .accuracy();
  }
}
