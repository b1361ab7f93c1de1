package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.LeakCheck;
import dev.lotus.load.Batch;
import dev.lotus.optim.WeightUpdate;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** SCRUB beside libtorch's operations and its own Adam. */
@ExtendWith(LeakCheck.class)
class ScrubTest {
  private static final double RATE = 1e-3;
  private static final double DECAY = 0.1;

  private static Tensor kl(Tensor logits, Batch batch, Backbone teacher) {
    Tensor p;
    try (NoGradGuard noGrad = new NoGradGuard()) {
      p = torch.softmax(teacher.forward(batch.images()).div(new Scalar(4f)), -1);
    }
    Tensor terms = p.mul(p.log().sub(torch.log_softmax(logits.div(new Scalar(4f)), -1)));
    return terms.sum().mul(new Scalar(16.0 / batch.size()));
  }

  /** libtorch's Adam, whose weight decay goes into the gradient. */
  private static WeightUpdate adam(Backbone student) {
    AdamOptions options = new AdamOptions(RATE);
    options.weight_decay().put(DECAY);
    Adam adam = new Adam(new TensorVector(student.parameters().toArray(new Tensor[0])), options);
    return new WeightUpdate() {
      @Override
      public void step() {
        adam.step();
      }

      @Override
      public void zeroGrad() {
        adam.zero_grad(true);
      }

      @Override
      public void learningRate(double rate) {}

      @Override
      public void close() {}
    };
  }

  /** Three epochs: two climb on D_f before they descend on D_r, the last only descends. */
  @Test
  void climbsThenDescendsAndRecoversInTheLastThird() {
    Rig rig = Rig.of(12, 20, 10);
    try (PointerScope scope = new PointerScope();
        Backbone original = Rig.model(1);
        Backbone student = rig.student(original);
        WeightUpdate adam = adam(student)) {
      original.train(false);
      for (int epoch = 0; epoch < 3; epoch++) {
        boolean climbs = epoch < 2;
        if (climbs) {
          rig.train(
              student,
              adam,
              Rig.shuffled(rig.forget(), epoch, 0),
              (logits, batch) -> kl(logits, batch, original).neg());
        }
        rig.train(
            student,
            adam,
            Rig.shuffled(rig.retain(), epoch, climbs ? 1 : 0),
            (logits, batch) ->
                Rig.crossEntropy(logits, batch.labels()).add(kl(logits, batch, original)));
      }
      UnlearnLoop.Result result = rig.run(original, Rig.config("scrub", 3, RATE, DECAY));
      try (Backbone unlearned = result.model()) {
        assertThat(Rig.distance(Rig.state(unlearned), Rig.state(original))).isGreaterThan(1e-2);
        BadTeacherTest.assertMostlyEqual(Rig.state(unlearned), Rig.state(student));
      }
      assertThat(result.trace().get(0).phases().keySet()).containsExactly("max", "min");
      assertThat(result.trace().get(0).phases().get("max")).isLessThanOrEqualTo(0);
      assertThat(result.trace().get(2).phases().keySet()).containsExactly("min");
      double mean =
          (12 * result.trace().get(0).phases().get("max")
                  + 20 * result.trace().get(0).phases().get("min"))
              / 32;
      assertThat(result.trace().get(0).loss()).isCloseTo(mean, within(1e-9));
    }
  }

  @Test
  void climbsInTwoOfThreeEpochs() {
    assertThat(new int[] {1, 2, 3, 4, 10})
        .satisfies(
            epochs -> {
              int[] climbing = new int[epochs.length];
              for (int i = 0; i < epochs.length; i++) {
                climbing[i] = Scrub.climbing(epochs[i]);
              }
              assertThat(climbing).containsExactly(1, 1, 2, 2, 6);
            });
  }

  /** Published: the original comes back bit by bit, although something learned meanwhile. */
  @Test
  void quirkReturnsTheOriginal() {
    Rig rig = Rig.of(12, 20, 10);
    try (Backbone original = Rig.model(1)) {
      float[] before = Rig.state(original);
      UnlearnConfig config = Rig.config("scrub", 2, RATE, DECAY, UpstreamQuirk.SCRUB_NO_OP);
      UnlearnLoop.Result result = rig.run(original, config);
      try (Backbone unlearned = result.model()) {
        assertThat(Rig.state(unlearned)).isEqualTo(before);
      }
      assertThat(result.trace()).hasSize(2);
      float[] paper = rig.stateAfter(original, Rig.config("scrub", 2, RATE, DECAY));
      assertThat(Rig.distance(paper, before)).isGreaterThan(1e-2);
    }
  }
}
