package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.LeakCheck;
import dev.lotus.optim.ParameterTensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** SalUn's mask beside libtorch's gradients, and which weights move. */
@ExtendWith(LeakCheck.class)
class SalUnTest {
  private final Rig rig = Rig.of(12, 20, 4);

  /** Values of all parameters, one after the other, in memory's order. */
  private static float[] weights(Backbone model) {
    List<float[]> all = new ArrayList<>();
    int size = 0;
    for (Tensor p : model.parameters()) {
      float[] values = new float[(int) p.numel()];
      new FloatPointer(p.data_ptr()).get(values);
      all.add(values);
      size += values.length;
    }
    float[] out = new float[size];
    int at = 0;
    for (float[] values : all) {
      System.arraycopy(values, 0, out, at, values.length);
      at += values.length;
    }
    return out;
  }

  /** The mask as the method makes it. */
  private boolean[] mask(Backbone original) {
    try (PointerScope scope = new PointerScope();
        Backbone student = rig.student(original)) {
      UnlearnConfig config = Rig.config("salun", 1, 0.01, 5e-4);
      List<Tensor> masks =
          SalUn.masks(new UnlearnMethod.Task(rig.engine, rig.data, original, student, config));
      boolean[] mask = new boolean[weights(student).length];
      int at = 0;
      for (Tensor m : masks) {
        byte[] bytes = new byte[(int) m.numel()];
        new BytePointer(m.data_ptr()).get(bytes);
        for (byte b : bytes) {
          mask[at++] = b == 1;
        }
      }
      ParameterTensors.release(masks);
      return mask;
    }
  }

  private float[] after(Backbone original, String method, int epochs, UpstreamQuirk... quirks) {
    UnlearnConfig config = Rig.fixedTau(Rig.config(method, epochs, 0.01, 5e-4, quirks));
    try (Backbone model = rig.run(original, config).model()) {
      return weights(model);
    }
  }

  /** How many weights outside the mask differ. */
  private static int movedOutside(boolean[] mask, float[] a, float[] b) {
    int moved = 0;
    for (int i = 0; i < mask.length; i++) {
      moved += !mask[i] && a[i] != b[i] ? 1 : 0;
    }
    return moved;
  }

  private static int movedInside(boolean[] mask, float[] a, float[] b) {
    int moved = 0;
    for (int i = 0; i < mask.length; i++) {
      moved += mask[i] && a[i] != b[i] ? 1 : 0;
    }
    return moved;
  }

  /** |sum over D_f's batches of the gradient of the batch's mean loss|, its largest tenth. */
  @Test
  void theMaskIsTheLargestTenthOfTheGradients() {
    try (PointerScope scope = new PointerScope();
        Backbone original = Rig.model(1);
        Backbone student = rig.student(original)) {
      boolean[] mask = mask(original);
      student.train(false);
      rig.forEach(
          rig.forget(),
          batch -> Rig.crossEntropy(student.forward(batch.images()), batch.labels()).backward());
      double[] scores = new double[mask.length];
      int at = 0;
      for (Tensor p : student.parameters()) {
        Tensor gradient = p.grad();
        for (int i = 0; i < p.numel(); i++) {
          scores[at++] = Math.abs(new FloatPointer(gradient.data_ptr()).get(i));
        }
      }
      double[] sorted = scores.clone();
      Arrays.sort(sorted);
      int k = mask.length / 10;
      double threshold = sorted[sorted.length - k];
      int ones = 0;
      for (int i = 0; i < mask.length; i++) {
        ones += mask[i] ? 1 : 0;
        if (Math.abs(scores[i] - threshold) > 1e-5 * threshold) {
          assertThat(mask[i]).isEqualTo(scores[i] > threshold);
        }
      }
      assertThat(ones).isEqualTo(k);
    }
  }

  @Test
  void onlySalientWeightsMove() {
    try (Backbone original = Rig.model(1);
        Backbone placed = rig.student(original)) {
      boolean[] mask = mask(original);
      float[] before = weights(placed);
      for (String method : List.of("salun", "salun-lotus")) {
        float[] after = after(original, method, 2);
        assertThat(movedOutside(mask, before, after)).isZero();
        assertThat(movedInside(mask, before, after)).isGreaterThan(mask.length / 11);
      }
    }
  }

  /** Published: weight decay shrinks what the mask holds. */
  @Test
  void quirkLetsWeightDecayMoveHeldWeights() {
    try (Backbone original = Rig.model(1);
        Backbone placed = rig.student(original)) {
      boolean[] mask = mask(original);
      float[] before = weights(placed);
      for (String method : List.of("salun", "salun-lotus")) {
        float[] after = after(original, method, 1, UpstreamQuirk.SALUN_WEIGHT_DECAY);
        assertThat(movedOutside(mask, before, after)).isGreaterThan(mask.length / 2);
        for (int i = 0; i < mask.length; i++) {
          if (!mask[i]) {
            assertThat(Math.abs(after[i])).isLessThanOrEqualTo(Math.abs(before[i]));
            assertThat(after[i])
                .isCloseTo(before[i], org.assertj.core.api.Assertions.within(1e-3f));
          }
        }
      }
    }
  }

  /** Published: the repair phase trains every weight. */
  @Test
  void quirkRepairsAllWeights() {
    try (Backbone original = Rig.model(1);
        Backbone placed = rig.student(original)) {
      boolean[] mask = mask(original);
      float[] before = weights(placed);
      float[] after = after(original, "salun", 1, UpstreamQuirk.SALUN_UNMASKED_REPAIR);
      assertThat(movedOutside(mask, before, after)).isGreaterThan(mask.length / 2);
      double most = 0;
      for (int i = 0; i < mask.length; i++) {
        most = mask[i] ? most : Math.max(most, Math.abs(after[i] - before[i]));
      }
      assertThat(most).isGreaterThan(1e-3);
    }
  }
}
