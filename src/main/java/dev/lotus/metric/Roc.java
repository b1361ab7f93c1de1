package dev.lotus.metric;

import dev.lotus.device.InputException;
import java.util.Arrays;

/**
 * What the receiver operating characteristic of a membership score says. Larger scores mean member;
 * a threshold calls everything at or above it a member. Samples with equal scores are never split.
 *
 * @param auc area under the curve, 0..1: the chance that a member scores higher than a non-member,
 *     ties counting half. 0.5 is guessing
 * @param tpr1 largest true-positive rate at a false-positive rate of at most 1%
 * @param tpr01 the same at 0.1%. With fewer than 1000 non-members this is the rate without any
 *     false positive
 */
public record Roc(double auc, double tpr1, double tpr01) {

  /**
   * From the scores of both groups, in any order.
   *
   * @throws InputException where a group is empty or a score is NaN; infinities are in order
   */
  public static Roc of(double[] members, double[] nonMembers) {
    double[] positive = ascending(members, "members");
    double[] negative = ascending(nonMembers, "non-members");
    // From the largest threshold down; each step takes in all samples that share a score.
    int p = positive.length;
    int n = negative.length;
    double wins = 0;
    double tpr1 = 0;
    double tpr01 = 0;
    while (p > 0 || n > 0) {
      double threshold =
          p == 0
              ? negative[n - 1]
              : n == 0 ? positive[p - 1] : Math.max(positive[p - 1], negative[n - 1]);
      int tied = p;
      while (p > 0 && positive[p - 1] == threshold) {
        p--;
      }
      tied -= p;
      int below = n;
      while (below > 0 && negative[below - 1] == threshold) {
        below--;
      }
      // Members at this score beat the non-members below it, and half of those at it.
      wins += tied * (below + 0.5 * (n - below));
      n = below;
      double tpr = (double) (positive.length - p) / positive.length;
      long falsePositives = negative.length - n;
      if (falsePositives * 100L <= negative.length) {
        tpr1 = tpr;
      }
      if (falsePositives * 1000L <= negative.length) {
        tpr01 = tpr;
      }
    }
    return new Roc(wins / ((double) positive.length * negative.length), tpr1, tpr01);
  }

  /** A sorted copy; -0 counts as 0, so that the two are one score. */
  private static double[] ascending(double[] scores, String group) {
    if (scores.length == 0) {
      throw new InputException("membership attack: there are no " + group + " to tell apart");
    }
    double[] sorted = new double[scores.length];
    for (int i = 0; i < scores.length; i++) {
      if (Double.isNaN(scores[i])) {
        throw new InputException("membership attack: score " + i + " of the " + group + " is NaN");
      }
      sorted[i] = scores[i] + 0.0;
    }
    Arrays.sort(sorted);
    return sorted;
  }
}
