package dev.lotus.metric;

import dev.lotus.device.InputException;
import java.util.Arrays;
import java.util.List;

/**
 * What an attack with models of its own knows of one such model: how it answers on the forget set
 * and on the test half, and which of their samples it was trained on. N_f and N_t samples, in the
 * order of the attacked model's.
 *
 * @param forget {@link Softmax#logitScaled} of each forget sample, [N_f]
 * @param forgetMember whether it was trained on that sample, [N_f]
 * @param test the same on the test half, [N_t]
 * @param testMember [N_t]
 */
public record ShadowModel(
    double[] forget, boolean[] forgetMember, double[] test, boolean[] testMember) {
  /** Fewer models than this give rates that mean little; the metrics flag them. */
  public static final int ENOUGH = 8;

  /**
   * @throws InputException where a mask's length differs from its confidences'
   */
  public ShadowModel {
    requireLength("forget", forget.length, forgetMember.length);
    requireLength("test", test.length, testMember.length);
  }

  private static void requireLength(String set, int samples, int mask) {
    if (samples != mask) {
      throw new InputException(
          "a shadow model has "
              + samples
              + " "
              + set
              + " samples but a membership mask of "
              + mask
              + ": give one value a sample");
    }
  }

  /** How one sample fares under all models. */
  record Answers(double[] in, double[] out) {}

  /** The confidences of sample i under the models that were trained on it, and under the others. */
  static Answers answers(List<ShadowModel> models, boolean ofForget, int i) {
    double[] in = new double[models.size()];
    double[] out = new double[models.size()];
    int ins = 0;
    int outs = 0;
    for (ShadowModel model : models) {
      double confidence = ofForget ? model.forget[i] : model.test[i];
      if (ofForget ? model.forgetMember[i] : model.testMember[i]) {
        in[ins++] = confidence;
      } else {
        out[outs++] = confidence;
      }
    }
    return new Answers(Arrays.copyOf(in, ins), Arrays.copyOf(out, outs));
  }

  static void requireSamples(
      String attack, List<ShadowModel> models, double[] forget, double[] test) {
    if (models.isEmpty()) {
      throw new InputException(attack + ": there are no models to learn from");
    }
    for (int k = 0; k < models.size(); k++) {
      ShadowModel model = models.get(k);
      if (model.forget.length != forget.length || model.test.length != test.length) {
        throw new InputException(
            attack
                + ": model "
                + k
                + " has "
                + model.forget.length
                + " forget and "
                + model.test.length
                + " test samples, the attacked model "
                + forget.length
                + " and "
                + test.length);
      }
    }
  }
}
