package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.LeakCheck;
import dev.lotus.load.EpochOrder;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** SSD beside plain double arithmetic on libtorch's gradients. */
@ExtendWith(LeakCheck.class)
class SsdTest {
  private static float[] floats(Tensor tensor) {
    Tensor flat = tensor.detach().contiguous();
    float[] values = new float[(int) flat.numel()];
    new FloatPointer(flat.data_ptr()).get(values);
    return values;
  }

  /** Mean over the batches of the squared gradient of each batch's mean loss, by parameter. */
  private static double[][] importance(Rig rig, Backbone model, EpochOrder order, int batchSize) {
    List<Tensor> parameters = model.parameters();
    double[][] sums = new double[parameters.size()][];
    int batches = (order.size() + batchSize - 1) / batchSize;
    model.train(false);
    rig.forEach(
        order,
        batchSize,
        batch -> {
          Rig.crossEntropy(model.forward(batch.images()), batch.labels()).backward();
          for (int i = 0; i < sums.length; i++) {
            float[] gradient = floats(parameters.get(i).grad());
            sums[i] = sums[i] == null ? new double[gradient.length] : sums[i];
            for (int j = 0; j < gradient.length; j++) {
              sums[i][j] += (double) gradient[j] * gradient[j] / batches;
            }
            parameters.get(i).mutable_grad().reset();
          }
        });
    return sums;
  }

  /**
   * Compares with w min(1, all / forget) where forget > 10 all; next to the threshold either may
   * be.
   *
   * @return how many weights were dampened
   */
  private static int compare(
      Rig rig, Backbone original, Backbone actual, int batchSize, int times) {
    int dampened = 0;
    try (PointerScope scope = new PointerScope();
        Backbone model = rig.student(original)) {
      EpochOrder all = EpochOrder.of(rig.forget().indices(), rig.retain().indices());
      double[][] f = importance(rig, model, rig.forget(), batchSize);
      double[][] r = importance(rig, model, all, batchSize);
      for (int i = 0; i < f.length; i++) {
        float[] before = floats(model.parameters().get(i));
        float[] after = floats(actual.parameters().get(i));
        for (int j = 0; j < before.length; j++) {
          double ratio = f[i][j] / (10 * r[i][j]);
          double expected =
              f[i][j] > 10 * r[i][j] ? before[j] * Math.min(1, r[i][j] / f[i][j]) : before[j];
          dampened += expected != before[j] ? 1 : 0;
          if (times == 1 && Math.abs(ratio - 1) > 1e-3) {
            assertThat((double) after[j])
                .isCloseTo(
                    expected,
                    org.assertj.core.api.Assertions.within(1e-6 + 1e-3 * Math.abs(expected)));
          }
        }
      }
    }
    return dampened;
  }

  /** Few samples of each set, so that some importances differ tenfold. */
  private static Rig rig() {
    return Rig.of(2, 26, 4);
  }

  @Test
  void dampensOnceByTheGradientsOfSingleSamples() {
    Rig rig = rig();
    try (Backbone original = Rig.model(1)) {
      UnlearnLoop.Result result = rig.run(original, Rig.config("ssd", 5, 0, 0));
      try (Backbone unlearned = result.model()) {
        assertThat(compare(rig, original, unlearned, 1, 1)).isGreaterThan(10);
      }
      assertThat(result.trace()).hasSize(1);
      assertThat(result.trace().get(0).phases().keySet())
          .containsExactly("importance to forget", "importance to all");
    }
  }

  /** Published: squares of the batches' mean gradients. */
  @Test
  void quirkTakesTheGradientOfBatches() {
    Rig rig = rig();
    try (Backbone original = Rig.model(1)) {
      UnlearnConfig config = Rig.config("ssd", 5, 0, 0, UpstreamQuirk.SSD_BATCH_GRADIENT);
      UnlearnLoop.Result result = rig.run(original, config);
      try (Backbone unlearned = result.model()) {
        assertThat(compare(rig, original, unlearned, Rig.BATCH, 1)).isGreaterThan(10);
        float[] single = rig.stateAfter(original, Rig.config("ssd", 5, 0, 0));
        assertThat(Rig.state(unlearned)).isNotEqualTo(single);
      }
      assertThat(result.trace()).hasSize(1);
    }
  }

  /** Published: again each epoch, on the weights that the last one left. */
  @Test
  void quirkDampensEveryEpoch() {
    Rig rig = rig();
    try (Backbone original = Rig.model(1)) {
      UnlearnConfig twice = Rig.config("ssd", 2, 0, 0, UpstreamQuirk.SSD_EVERY_EPOCH);
      UnlearnLoop.Result result = rig.run(original, twice);
      assertThat(result.trace()).hasSize(2);
      UnlearnConfig once = Rig.config("ssd", 2, 0, 0);
      try (Backbone repeated = result.model();
          Backbone first = rig.run(original, once).model();
          Backbone again = rig.run(first, once).model()) {
        assertThat(Rig.state(repeated)).isEqualTo(Rig.state(again));
        assertThat(Rig.state(repeated)).isNotEqualTo(Rig.state(first));
      }
    }
  }
}
