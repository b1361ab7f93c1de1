package dev.lotus.metric;

import java.util.Objects;

/**
 * What one pass of a model in evaluation mode over one set left behind. N samples, C classes.
 *
 * @param rows N
 * @param correct samples whose largest logit is their label's; 0 where labels are not known
 * @param loss cross-entropy of each sample in nats, [N] in the set's order; null where labels are
 *     not known, which stored outputs may lack
 * @param entropy entropy of each sample's softmax output in nats, [N] in the set's order
 * @param classMeans [C][C]: row k is the mean softmax output over the samples labelled k; null, or
 *     NaN, where there is no such sample. Null as a whole where class means were not asked for
 * @param classCounts samples labelled k, [C]; null together with {@code classMeans}
 */
public record SetStatistics(
    long rows,
    long correct,
    float[] loss,
    float[] entropy,
    double[][] classMeans,
    long[] classCounts) {

  /**
   * @throws IllegalArgumentException where the arrays disagree with {@code rows} or with each other
   */
  public SetStatistics {
    Objects.requireNonNull(entropy, "entropy");
    require(rows > 0, "rows = " + rows + ", must be positive");
    require(correct >= 0 && correct <= rows, "correct = " + correct + " of " + rows + " rows");
    require(
        loss == null || loss.length == rows,
        "loss has " + (loss == null ? 0 : loss.length) + " values for " + rows + " rows");
    require(
        loss != null || (correct == 0 && classMeans == null),
        "correct counts and class means need labels");
    require(
        entropy.length == rows, "entropy has " + entropy.length + " values for " + rows + " rows");
    require(
        (classMeans == null) == (classCounts == null),
        "classMeans and classCounts must be given together");
    if (classMeans != null) {
      require(
          classMeans.length == classCounts.length,
          "classMeans has " + classMeans.length + " rows, classCounts " + classCounts.length);
      for (int k = 0; k < classMeans.length; k++) {
        require(classCounts[k] >= 0, "classCounts[" + k + "] = " + classCounts[k]);
        require(
            classCounts[k] == 0
                || (classMeans[k] != null && classMeans[k].length == classMeans.length),
            "classMeans[" + k + "] must have " + classMeans.length + " columns");
      }
    }
  }

  /** True where the samples' labels were known. */
  public boolean labelled() {
    return loss != null;
  }

  /** The fraction of samples classified correctly, unrounded, 0..1. Labelled samples only. */
  public double accuracy() {
    return (double) correct / rows;
  }

  /** The mean cross-entropy in nats, summed in double. Labelled samples only. */
  public double meanLoss() {
    double sum = 0;
    for (float value : loss) {
      sum += value;
    }
    return sum / rows;
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException("set statistics: " + message);
    }
  }
}
