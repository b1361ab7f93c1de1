package dev.lotus.metric;

import dev.lotus.device.InputException;

/**
 * The divergence the published code computes (helpers/eval.py, {@code JSDiv}) and the paper's
 * tables show. It is another quantity than {@link Jsd}: the arithmetic-geometric divergence of the
 * two whole matrices, divided by the number of rows once more. With rows that sum to one it is
 * about the rows' mean divided by N, so its values compare only at equal N; repeating the data k
 * times divides it by k.
 *
 * <p>Kept bit for bit in its definition: values clamped to [1e-8, 1]; P = p / sum over the WHOLE
 * matrix, Q likewise; M = (P + Q) / 2; result = (1/N) sum_ij M_ij log(M_ij / sqrt(P_ij Q_ij)).
 */
public final class JsdUpstream {
  private static final double LOWEST = 1e-8;

  private JsdUpstream() {}

  /**
   * The published form, before its rounding to six decimals.
   *
   * @param p [N][C], clamped to [1e-8, 1]
   * @param q the same shape
   * @throws InputException where shapes differ, N is 0, or a value is NaN
   */
  public static double of(double[][] p, double[][] q) {
    Jsd.requireSameShape(p, q);
    return sum(p, q, clampedSum(p, "p"), clampedSum(q, "q")) / p.length;
  }

  /**
   * The form the published Bad Teaching and SSD code reports (`jsd_bt`): the same without division
   * by the whole matrix's sum, divided by N C.
   *
   * @param p [N][C], clamped to [1e-8, 1]
   * @param q the same shape
   * @throws InputException where shapes differ, N is 0, or a value is NaN
   */
  public static double badTeaching(double[][] p, double[][] q) {
    Jsd.requireSameShape(p, q);
    clampedSum(p, "p");
    clampedSum(q, "q");
    return sum(p, q, 1, 1) / ((double) p.length * p[0].length);
  }

  private static double sum(double[][] p, double[][] q, double sumP, double sumQ) {
    double sum = 0;
    for (int row = 0; row < p.length; row++) {
      for (int c = 0; c < p[row].length; c++) {
        double bigP = clamp(p[row][c]) / sumP;
        double bigQ = clamp(q[row][c]) / sumQ;
        double m = 0.5 * (bigP + bigQ);
        // log m - (log P + log Q) / 2: the product P Q would underflow for large matrices.
        sum += m * (Math.log(m) - 0.5 * (Math.log(bigP) + Math.log(bigQ)));
      }
    }
    return sum;
  }

  private static double clampedSum(double[][] matrix, String name) {
    double sum = 0;
    for (int row = 0; row < matrix.length; row++) {
      for (int c = 0; c < matrix[row].length; c++) {
        if (Double.isNaN(matrix[row][c])) {
          throw new InputException(
              "JSD: "
                  + name
                  + "["
                  + row
                  + "]["
                  + c
                  + "] is NaN: the model's output there is not finite");
        }
        sum += clamp(matrix[row][c]);
      }
    }
    return sum;
  }

  private static double clamp(double value) {
    return Math.min(1, Math.max(LOWEST, value));
  }
}
