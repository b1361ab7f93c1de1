package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.LeakCheck;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.Optimizers;
import dev.lotus.optim.WeightUpdate;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** NegGrad+ beside libtorch's operations and its own optimizer. */
@ExtendWith(LeakCheck.class)
class NegGradPlusTest {
  private static final double RATE = 0.01;
  private static final double DECAY = 5e-4;

  /** One epoch: each step beta CE of a retain batch - (1 - beta) CE of a forget batch. */
  @Test
  void climbsOnForgetAndDescendsOnRetainInOneStep() {
    Rig rig = Rig.of(12, 20, 10);
    try (PointerScope scope = new PointerScope();
        Backbone original = Rig.model(1);
        Backbone student = rig.student(original);
        WeightUpdate sgd = Optimizers.sgd(student.parameters(), RATE, 0.9, DECAY)) {
      student.train(true);
      EpochOrder down = Rig.shuffled(rig.retain(), 0, 0);
      EpochOrder up = Partner.order(rig.data.split().forget(), 20, Rig.SEED, 0);
      int[] at = {0};
      rig.forEach(
          down,
          batch -> {
            int from = at[0];
            at[0] += batch.size();
            int[] partner = Arrays.copyOfRange(up.indices(), from, at[0]);
            sgd.zeroGrad();
            Tensor retain = Rig.crossEntropy(student.forward(batch.images()), batch.labels());
            rig.forEach(
                EpochOrder.of(partner),
                other -> {
                  Tensor forget = Rig.crossEntropy(student.forward(other.images()), other.labels());
                  retain.mul(new Scalar(0.95)).sub(forget.mul(new Scalar(0.05))).backward();
                });
            sgd.step();
          });
      float[] before = Rig.state(original);
      float[] after = rig.stateAfter(original, Rig.config("neggrad+", 1, RATE, DECAY));
      assertThat(Rig.distance(after, before)).isGreaterThan(1e-3);
      assertThat(Rig.distance(after, Rig.state(student))).isLessThan(1e-5);
    }
  }

  /** Another weight leaves other weights behind. */
  @Test
  void betaWeighsTheTwo() {
    Rig rig = Rig.of(12, 20, 10);
    try (Backbone original = Rig.model(1)) {
      UnlearnConfig usual = Rig.config("neggrad+", 1, RATE, DECAY);
      UnlearnConfig given =
          new UnlearnSettings()
              .method("neggrad+")
              .epochs(1)
              .batch(Rig.BATCH)
              .learningRate(RATE)
              .weightDecay(DECAY)
              .augmentation(usual.augmentation())
              .seed(Rig.SEED)
              .beta(0.5)
              .build(rig.data.dataset(), original.arch());
      assertThat(usual.beta()).isEqualTo(0.95);
      float[] half = rig.stateAfter(original, given);
      assertThat(Rig.distance(half, rig.stateAfter(original, usual))).isGreaterThan(1e-3);
    }
  }

  /** The published code descends on D_f as well, in a pass of its own before D_r's. */
  @Test
  void quirkDescendsOnBoth() {
    Rig rig = Rig.of(12, 20, 10);
    try (PointerScope scope = new PointerScope();
        Backbone original = Rig.model(1);
        Backbone student = rig.student(original);
        WeightUpdate sgd = Optimizers.sgd(student.parameters(), RATE, 0.9, DECAY)) {
      rig.descend(student, sgd, Rig.shuffled(rig.forget(), 0, 0));
      rig.descend(student, sgd, Rig.shuffled(rig.retain(), 0, 1));
      UnlearnConfig config = Rig.config("neggrad+", 1, RATE, DECAY, UpstreamQuirk.NEGGRAD_DESCENT);
      float[] quirk = rig.stateAfter(original, config);
      assertThat(Rig.distance(quirk, Rig.state(student))).isLessThan(1e-5);
      float[] paper = rig.stateAfter(original, Rig.config("neggrad+", 1, RATE, DECAY));
      assertThat(Rig.distance(quirk, paper)).isGreaterThan(1e-3);
    }
  }

  /** The forget set is gone through as often as needed, in a new order each time. */
  @Test
  void thePartnerRepeatsItsSamplesInNewOrders() {
    int[] samples = {5, 6, 7, 8, 9};
    int[] order = Partner.order(samples, 12, 1, 0).indices();
    assertThat(order).hasSize(12);
    for (int round = 0; round < 2; round++) {
      assertThat(Arrays.copyOfRange(order, 5 * round, 5 * round + 5))
          .containsExactlyInAnyOrder(samples);
    }
    long kinds =
        IntStream.range(0, 8)
            .mapToObj(e -> Arrays.toString(Partner.order(samples, 5, 1, e).indices()))
            .distinct()
            .count();
    assertThat(kinds).isGreaterThan(4);
    assertThat(Partner.order(samples, 12, 1, 3)).isNotEqualTo(Partner.order(samples, 12, 2, 3));
  }
}
