package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.Normalization;
import dev.lotus.data.SplitMix;
import dev.lotus.device.LeakCheck;
import dev.lotus.load.Batch;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.Optimizers;
import dev.lotus.optim.WeightUpdate;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** UNSIR beside libtorch's operations and its own optimizers. */
@ExtendWith(LeakCheck.class)
class UnsirTest {
  private static final double RATE = 0.01;

  private final Rig rig = Rig.of(12, 20, 4);

  /** The noise of a step, from its definition; the student is left in training mode. */
  private Tensor noise(Backbone student, Tensor forget, int step, Set<UpstreamQuirk> quirks) {
    boolean oneStep = quirks.contains(UpstreamQuirk.UNSIR_NOISE_STEP);
    long seed = SplitMix.hash(SplitMix.hash(Rig.SEED, 0x6e6f697365L), step);
    Tensor noise =
        torch
            .randn(
                new long[] {forget.size(0), 3, 32, 32},
                new GeneratorOptional(torch.make_generator_cpu(seed)))
            .set_requires_grad(true);
    student.train(oneStep);
    try (WeightUpdate adam = Optimizers.adamW(List.of(noise), 0.01, 0)) {
      for (int i = 0; i < 5; i++) {
        Tensor outputs = student.forward(noise);
        Tensor target;
        try (NoGradGuard noGrad = new NoGradGuard()) {
          target = student.forward(forget);
        }
        if (!oneStep || i == 4) {
          adam.zeroGrad();
          torch.mse_loss(outputs, target).neg().backward();
          adam.step();
        }
      }
    }
    student.train(true);
    boolean published = quirks.contains(UpstreamQuirk.UNSIR_NOISE_CLAMP);
    Normalization n = rig.engine.normalization();
    // The generated data's statistics are the same in every channel.
    float low = published ? 0 : (0 - n.mean()[0]) / n.std()[0];
    float high = published ? 1 : (1 - n.mean()[0]) / n.std()[0];
    return noise
        .detach()
        .clamp(new ScalarOptional(new Scalar(low)), new ScalarOptional(new Scalar(high)));
  }

  /** One epoch by the definition. */
  private float[] reference(Backbone original, UpstreamQuirk... quirks) {
    Set<UpstreamQuirk> set = Set.of(quirks);
    try (PointerScope scope = new PointerScope();
        Backbone student = rig.student(original);
        WeightUpdate sgd = Optimizers.sgd(student.parameters(), RATE, 0.9, 0)) {
      EpochOrder forget = Rig.shuffled(rig.forget(), 0, 0);
      int taken = set.contains(UpstreamQuirk.UNSIR_WHOLE_BATCHES) ? 8 : 12;
      EpochOrder impaired = EpochOrder.of(Arrays.copyOf(forget.indices(), taken));
      EpochOrder partner = Partner.order(rig.data.split().retain(), taken, Rig.SEED, 0);
      int[] at = {0};
      int[] step = {0};
      rig.forEach(
          impaired,
          batch -> {
            int from = at[0];
            at[0] += batch.size();
            Tensor noise = noise(student, batch.images(), step[0]++, set);
            sgd.zeroGrad();
            rig.forEach(
                EpochOrder.of(Arrays.copyOfRange(partner.indices(), from, at[0])),
                kept -> joint(student, noise, kept));
            sgd.step();
          });
      rig.descend(student, sgd, Rig.shuffled(rig.retain(), 0, 1));
      return Rig.state(student);
    }
  }

  private static void joint(Backbone student, Tensor noise, Batch kept) {
    Tensor onNoise = Rig.crossEntropy(student.forward(noise), kept.labels());
    Tensor onKept = Rig.crossEntropy(student.forward(kept.images()), kept.labels());
    onNoise.add(onKept).backward();
  }

  private float[] actual(Backbone original, UpstreamQuirk... quirks) {
    return rig.stateAfter(original, Rig.config("unsir", 1, RATE, 0, quirks));
  }

  @Test
  void impairsWithFiveStepsOfNoiseThenRepairs() {
    try (Backbone original = Rig.model(1)) {
      float[] after = actual(original);
      assertThat(Rig.distance(after, Rig.state(original))).isGreaterThan(1e-3);
      assertThat(Rig.distance(after, reference(original))).isLessThan(1e-4);
    }
  }

  @Test
  void quirkMakesOneStepOfNoise() {
    both(UpstreamQuirk.UNSIR_NOISE_STEP);
  }

  @Test
  void quirkSkipsBatchesThatAreNotFull() {
    both(UpstreamQuirk.UNSIR_WHOLE_BATCHES);
  }

  @Test
  void quirkClampsToTheUnitInterval() {
    both(UpstreamQuirk.UNSIR_NOISE_CLAMP);
  }

  private void both(UpstreamQuirk quirk) {
    try (Backbone original = Rig.model(1)) {
      float[] published = actual(original, quirk);
      float[] expected = reference(original, quirk);
      double difference = Rig.distance(published, actual(original));
      assertThat(Rig.distance(published, expected)).isLessThan(Math.min(1e-4, difference / 5));
    }
  }

  /** Published: without one full batch of each set nothing is impaired. */
  @Test
  void quirkImpairsNothingBelowAFullBatch() {
    Rig few = Rig.of(7, 20, 4);
    try (Backbone original = Rig.model(1)) {
      UnlearnConfig config = Rig.config("unsir", 1, RATE, 0, UpstreamQuirk.UNSIR_WHOLE_BATCHES);
      UnlearnLoop.Result result = few.run(original, config);
      result.model().close();
      assertThat(result.trace().get(0).phases().keySet()).containsExactly("repair");
      UnlearnLoop.Result paper = few.run(original, Rig.config("unsir", 1, RATE, 0));
      paper.model().close();
      assertThat(paper.trace().get(0).phases().keySet()).containsExactly("impair", "repair");
    }
  }

  @Test
  void theRetainSubsetIsTheFirstOfEachClass() {
    assertThat(Unsir.subset(rig.data)).containsExactly(rig.data.split().retain());
  }
}
