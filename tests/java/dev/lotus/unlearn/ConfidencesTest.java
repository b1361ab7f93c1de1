package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.device.LeakCheck;
import dev.lotus.metric.Softmax;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** One number a sample, of the sample's own label, whatever the batches. */
@ExtendWith(LeakCheck.class)
class ConfidencesTest {
  /** More test samples than a batch of evaluation has. */
  @Test
  void areThoseOfEachSamplesLabel() {
    Rig rig = Rig.of(7, 10, Evaluator.BATCH + 5);
    try (Backbone model = Rig.model(3)) {
      Confidences confidences = Confidences.of(rig.engine, model, rig.data);
      requireEqual(
          confidences.forget(), rig, model, rig.data.dataset().train(), rig.data.split().forget());
      requireEqual(
          confidences.test(), rig, model, rig.data.dataset().heldOut(), rig.data.split().test());
    }
  }

  private static void requireEqual(
      double[] confidences, Rig rig, Backbone model, ImageSet images, int[] indices) {
    int classes = rig.data.dataset().classes();
    assertThat(confidences).hasSameSizeAs(indices);
    try (PointerScope scope = new PointerScope()) {
      float[] logits =
          Evaluator.hostFloats(new Evaluator(rig.engine).logits(model, images, indices, "set"));
      for (int i = 0; i < indices.length; i++) {
        double[] row = new double[classes];
        for (int c = 0; c < classes; c++) {
          row[c] = logits[i * classes + c];
        }
        assertThat(confidences[i]).isEqualTo(Softmax.logitScaled(row, images.label(indices[i])));
      }
    }
  }
}
