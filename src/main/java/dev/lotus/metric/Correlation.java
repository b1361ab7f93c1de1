package dev.lotus.metric;

import dev.lotus.device.InputException;
import org.apache.commons.statistics.distribution.TDistribution;

/**
 * Pearson's correlation of two metrics over the runs of an experiment, such as RF-JSD and JSD,
 * which tells whether the one can stand for the other.
 *
 * @param n pairs
 * @param r -1..1; null where nothing can be said: fewer than three pairs, or one side is constant
 * @param p chance of at least this |r| between independent normal variables, two-sided, Student's t
 *     with n - 2 degrees of freedom; null where r is
 */
public record Correlation(int n, Double r, Double p) {

  /**
   * @param x one value a run
   * @param y the other metric of the same runs
   * @throws InputException where lengths differ or a value is not finite
   */
  public static Correlation pearson(double[] x, double[] y) {
    if (x.length != y.length) {
      throw new InputException(
          "correlation: " + x.length + " values against " + y.length + ": give pairs");
    }
    int n = x.length;
    double[] dx = centred(x);
    double[] dy = centred(y);
    if (n < 3 || dx == null || dy == null) {
      return new Correlation(n, null, null);
    }
    // Unit vectors first: squares of values near 1e-200 would vanish.
    double r = 0;
    for (int i = 0; i < n; i++) {
      r += dx[i] * dy[i];
    }
    r = Math.max(-1, Math.min(1, r));
    double t = Math.abs(r) * Math.sqrt((n - 2) / ((1 - r) * (1 + r)));
    double p = Math.abs(r) == 1 ? 0 : 2 * TDistribution.of(n - 2).survivalProbability(t);
    return new Correlation(n, r, p);
  }

  /** The deviations from the mean over their length; null where all values are equal. */
  private static double[] centred(double[] values) {
    double mean = 0;
    boolean constant = true;
    for (double value : values) {
      if (!Double.isFinite(value)) {
        throw new InputException("correlation: a value is " + value);
      }
      mean += value / values.length;
      constant &= value == values[0];
    }
    if (constant) {
      return null;
    }
    double largest = 0;
    double[] deviations = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      deviations[i] = values[i] - mean;
      largest = Math.max(largest, Math.abs(deviations[i]));
    }
    double squares = 0;
    for (int i = 0; i < values.length; i++) {
      deviations[i] /= largest;
      squares += deviations[i] * deviations[i];
    }
    double length = Math.sqrt(squares);
    for (int i = 0; i < values.length; i++) {
      deviations[i] /= length;
    }
    return deviations;
  }
}
