package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.metric.LogitsSink;
import dev.lotus.metric.Softmax;

/**
 * How sure a model is of each label: what attacks with shadow models and the forgetting score
 * compare, {@link Softmax#logitScaled}. A number a sample, however many classes there are.
 *
 * @param forget on the forget set, [N_f]
 * @param test on the test half, [N_t]
 */
public record Confidences(double[] forget, double[] test) {

  /**
   * In evaluation mode, on images without augmentation.
   *
   * @param engine normalising as the model was trained
   * @throws dev.lotus.device.ResultException if the model yields NaN or infinite logits
   */
  public static Confidences of(Engine engine, Backbone model, UnlearnData data) {
    engine.place(model);
    return new Confidences(
        of(engine, model, data.dataset().train(), data.split().forget(), "forget"),
        of(engine, model, data.dataset().heldOut(), data.split().test(), "test"));
  }

  private static double[] of(
      Engine engine, Backbone model, ImageSet images, int[] indices, String what) {
    double[] confidences = new double[indices.length];
    double[] row_C = new double[model.arch().classes()];
    int[] done = {0};
    LogitsSink sink =
        rows -> {
          for (int from = 0; from < rows.length; from += row_C.length) {
            for (int c = 0; c < row_C.length; c++) {
              row_C[c] = rows[from + c];
            }
            confidences[done[0]] = Softmax.logitScaled(row_C, images.label(indices[done[0]]));
            done[0]++;
          }
        };
    new Evaluator(engine).statistics(model, images, indices, what, sink);
    return confidences;
  }
}
