package dev.lotus.metric;

/** What the metrics take from one row of model output, in double precision. C classes. */
public final class Softmax {
  /**
   * Bound of {@link #logitScaled}, where one class has all the probability a double can tell: the
   * logarithm of the largest double is 709.
   */
  public static final double LIMIT = 700;

  private Softmax() {}

  /**
   * The probabilities of a row of logits.
   *
   * @param logits [C], not NaN, below infinity, at least one above -infinity
   * @return [C], sums to one
   */
  public static double[] of(double[] logits) {
    double largest = max(logits, -1);
    double[] p = new double[logits.length];
    double sum = 0;
    for (int c = 0; c < p.length; c++) {
      p[c] = Math.exp(logits[c] - largest);
      sum += p[c];
    }
    for (int c = 0; c < p.length; c++) {
      p[c] /= sum;
    }
    return p;
  }

  /** The same of rows that lie one after the other, {@code classes} values each. */
  public static double[][] rows(float[] logits, int classes) {
    double[][] all = new double[logits.length / classes][];
    double[] row = new double[classes];
    for (int i = 0; i < all.length; i++) {
      for (int c = 0; c < classes; c++) {
        row[c] = logits[i * classes + c];
      }
      all[i] = of(row);
    }
    return all;
  }

  /**
   * The logit-scaled confidence log(p / (1 - p)) of the label (Carlini et al. 2022), which is close
   * to normally distributed over models: the label's logit less the log-sum-exp of all others, so
   * no p near 1 loses digits.
   *
   * @param logits as for {@link #of}; logarithms of probabilities will do
   * @param label 0 &lt;= label &lt; C
   * @return within plus and minus {@value #LIMIT}
   */
  public static double logitScaled(double[] logits, int label) {
    double largest = max(logits, label);
    if (largest == Double.NEGATIVE_INFINITY) {
      return LIMIT;
    }
    double sum = 0;
    for (int c = 0; c < logits.length; c++) {
      if (c != label) {
        sum += Math.exp(logits[c] - largest);
      }
    }
    double scaled = logits[label] - largest - Math.log(sum);
    return Math.min(LIMIT, Math.max(-LIMIT, scaled));
  }

  private static double max(double[] values, int except) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int c = 0; c < values.length; c++) {
      if (c != except) {
        largest = Math.max(largest, values[c]);
      }
    }
    return largest;
  }
}
