package dev.lotus.metric;

import dev.lotus.device.InputException;

/**
 * The loss-threshold attack (Yeom et al. 2018): a sample with a small loss is called a member. Here
 * it tells the forget set from unseen data, so 0.5 is what unlearning aims at: above it the forget
 * set still looks trained on; below it the model is worse on the forget set than on data it never
 * saw, which gives the forget set away just as well.
 *
 * @param roc members are the forget set, non-members the test and validation halves
 */
public record LossAttack(Roc roc) {
  /** How far below its reference an AUC must lie to count as over-unlearned. */
  public static final double MARGIN = 0.1;

  /**
   * From the cross-entropy of each sample in nats; one of the two held-out halves may be empty.
   *
   * @throws InputException where the forget set or both halves are empty, or a loss is NaN
   */
  public static LossAttack of(float[] forget, float[] test, float[] val) {
    double[] members = new double[forget.length];
    for (int i = 0; i < forget.length; i++) {
      members[i] = -forget[i];
    }
    double[] others = new double[test.length + val.length];
    for (int i = 0; i < others.length; i++) {
      others[i] = -(i < test.length ? test[i] : val[i - test.length]);
    }
    return new LossAttack(Roc.of(members, others));
  }

  /**
   * True where the AUC is more than {@value #MARGIN} below 0.5 and below the retrained model's. A
   * forgotten class, or forget samples that are hard by nature, have a low AUC under the retrained
   * model too; that is no fault of the unlearning.
   *
   * @param retrained the same attack on the retrained model, or null where there is none
   */
  public boolean overUnlearned(LossAttack retrained) {
    double reference = retrained == null ? 0.5 : Math.min(0.5, retrained.roc().auc());
    return roc.auc() < reference - MARGIN;
  }
}
