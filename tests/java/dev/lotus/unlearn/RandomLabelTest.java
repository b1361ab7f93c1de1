package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.LeakCheck;
import dev.lotus.optim.Optimizers;
import dev.lotus.optim.WeightUpdate;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Random labels beside libtorch's operations and its own optimizer. */
@ExtendWith(LeakCheck.class)
class RandomLabelTest {
  /** Two epochs: D_f under drawn labels, then D_r, with one momentum. */
  @Test
  void impairsUnderDrawnLabelsThenRepairs() {
    Rig rig = Rig.of(12, 20, 10);
    try (PointerScope scope = new PointerScope();
        Backbone original = Rig.model(1);
        Backbone student = rig.student(original);
        WeightUpdate sgd = Optimizers.sgd(student.parameters(), 0.01, 0.9, 5e-4)) {
      for (int e = 0; e < 2; e++) {
        int epoch = e;
        rig.train(
            student,
            sgd,
            Rig.shuffled(rig.forget(), epoch, 0),
            (logits, batch) -> {
              long[] labels = new long[batch.size()];
              for (int b = 0; b < labels.length; b++) {
                int index = batch.indices()[b];
                int own = rig.data.dataset().train().label(index);
                labels[b] = RandomLabel.label(Rig.SEED, epoch, index, own, 10);
              }
              return Rig.crossEntropy(logits, torch.tensor(labels));
            });
        rig.descend(student, sgd, Rig.shuffled(rig.retain(), epoch, 1));
      }
      UnlearnLoop.Result result = rig.run(original, Rig.config("random-label", 2, 0.01, 5e-4));
      try (Backbone unlearned = result.model()) {
        assertThat(Rig.distance(Rig.state(unlearned), Rig.state(original))).isGreaterThan(1e-3);
        assertThat(Rig.distance(Rig.state(unlearned), Rig.state(student))).isLessThan(2e-5);
      }
      assertThat(result.trace().get(1).phases().keySet()).containsExactly("impair", "repair");
    }
  }

  /** Never the own class; every other one equally often; new each epoch. */
  @Test
  void labelsAreUniformOverTheOtherClasses() {
    int[] counts = new int[4];
    int changed = 0;
    for (int index = 0; index < 6000; index++) {
      int label = RandomLabel.label(5, 1, index, 2, 4);
      counts[label]++;
      changed += label != RandomLabel.label(5, 2, index, 2, 4) ? 1 : 0;
    }
    assertThat(counts[2]).isZero();
    for (int c : new int[] {0, 1, 3}) {
      // 2000 expected; five standard deviations are 183.
      assertThat(counts[c]).isBetween(1817, 2183);
    }
    assertThat(changed).isBetween(3817, 4183);
    assertThat(RandomLabel.label(5, 1, 0, 0, 1)).isZero();
  }
}
