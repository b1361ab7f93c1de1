package dev.lotus.metric;

import dev.lotus.device.InputException;

/**
 * Jensen-Shannon divergence as the textbooks have it (Lin 1991), natural logarithm: of two rows,
 * 0.5 KL(p||m) + 0.5 KL(q||m) with m = (p + q) / 2, between 0 (equal) and ln 2 (disjoint); of two
 * matrices, the mean over their rows. Rows are divided by their own sum first, so unnormalised ones
 * and zeros are welcome.
 *
 * @see JsdUpstream the different quantity in the published tables
 */
public final class Jsd {
  private Jsd() {}

  /**
   * The mean over rows.
   *
   * @param p [N][C] non-negative, each row with a positive sum
   * @param q the same shape
   * @return 0..ln 2
   * @throws InputException where shapes differ, N is 0, a value is negative or not finite, or a row
   *     sums to zero
   */
  public static double meanOverRows(double[][] p, double[][] q) {
    requireSameShape(p, q);
    double sum = 0;
    for (int row = 0; row < p.length; row++) {
      sum += ofRows(normalised(p[row], "p", row), normalised(q[row], "q", row));
    }
    return sum / p.length;
  }

  /** Of two rows that each sum to one; the caller has checked that. */
  static double ofRows(double[] p, double[] q) {
    double sum = 0;
    for (int c = 0; c < p.length; c++) {
      double m = 0.5 * (p[c] + q[c]);
      // lim x log x = 0 for x -> 0: a zero adds nothing.
      if (p[c] > 0) {
        sum += p[c] * Math.log(p[c] / m);
      }
      if (q[c] > 0) {
        sum += q[c] * Math.log(q[c] / m);
      }
    }
    // Non-negative by Gibbs' inequality; rounding may leave -1e-17 for equal rows.
    return Math.max(0, 0.5 * sum);
  }

  private static double[] normalised(double[] row, String name, int index) {
    double sum = 0;
    for (int c = 0; c < row.length; c++) {
      if (!(row[c] >= 0) || Double.isInfinite(row[c])) {
        throw new InputException(
            "JSD: "
                + name
                + "["
                + index
                + "]["
                + c
                + "] = "
                + row[c]
                + " is not a probability: give finite, non-negative values");
      }
      sum += row[c];
    }
    if (!(sum > 0)) {
      throw new InputException(
          "JSD: row " + index + " of " + name + " sums to " + sum + ", so it is no distribution");
    }
    double[] result = new double[row.length];
    for (int c = 0; c < row.length; c++) {
      result[c] = row[c] / sum;
    }
    return result;
  }

  static void requireSameShape(double[][] p, double[][] q) {
    if (p.length == 0 || p.length != q.length) {
      throw new InputException(
          "JSD: p has " + p.length + " rows, q " + q.length + ": both need the same, at least one");
    }
    int columns = p[0].length;
    for (int row = 0; row < p.length; row++) {
      if (columns == 0 || p[row].length != columns || q[row].length != columns) {
        throw new InputException(
            "JSD: row "
                + row
                + " has "
                + p[row].length
                + " columns in p, "
                + q[row].length
                + " in q, where "
                + Math.max(1, columns)
                + " are expected");
      }
    }
  }
}
