package dev.lotus.unlearn;

import dev.lotus.device.InputException;
import java.math.BigDecimal;
import java.math.RoundingMode;

/**
 * The temperature schedule of LoTUS (CVPR 2025, eq. 5; upstream lotus_class.py:293-305). At the
 * start of each epoch tau = exp(alpha * (Acc(f_un, D_f) - Acc(f_orig, D_u))): the better the model
 * still knows the forget set compared with unseen data, the softer its targets. Unlearning stops
 * before the epoch once that difference is {@value #STOP} or less.
 *
 * @param alpha how strongly the difference acts; 0 keeps tau at 1
 * @param decimals decimals that accuracies are rounded to first, as the published code does with 2;
 *     {@value #UNROUNDED} leaves them as they are
 */
public record Temperature(double alpha, int decimals) {
  /** The difference of accuracies at which unlearning stops. */
  public static final double STOP = -0.01;

  /** Value of {@code decimals} that switches rounding off. */
  public static final int UNROUNDED = -1;

  /**
   * @throws InputException where alpha is negative or not finite, or decimals is outside -1..15
   */
  public Temperature {
    if (!(alpha >= 0) || Double.isInfinite(alpha)) {
      throw new InputException("alpha = " + alpha + " cannot be used: give a finite number >= 0");
    }
    if (decimals < UNROUNDED || decimals > 15) {
      throw new InputException(
          "accuracy rounding = " + decimals + " cannot be used: give 0 to 15 decimals");
    }
  }

  /** Without rounding. */
  public Temperature(double alpha) {
    this(alpha, UNROUNDED);
  }

  /**
   * The temperature of an epoch.
   *
   * @param accForget accuracy of the model being unlearned on D_f, 0..1
   * @param accUnseen accuracy of the original model on D_u, 0..1; 0 for class unlearning
   */
  public double tau(double accForget, double accUnseen) {
    return Math.exp(alpha * difference(accForget, accUnseen));
  }

  /**
   * True where unlearning ends before this epoch. Compared in double, so rounding decides where
   * both are equal.
   */
  public boolean stops(double accForget, double accUnseen) {
    return difference(accForget, accUnseen) <= STOP;
  }

  /**
   * The accuracy that enters the schedule. Rounding is Python's {@code round(x, n)} (eval.py:32):
   * of the double's exact value, half to even, so 0.995 gives 0.99, where numpy's rint(100 x) / 100
   * would give 1.
   */
  public double rounded(double accuracy) {
    if (decimals == UNROUNDED || !Double.isFinite(accuracy)) {
      return accuracy;
    }
    return new BigDecimal(accuracy).setScale(decimals, RoundingMode.HALF_EVEN).doubleValue();
  }

  private double difference(double accForget, double accUnseen) {
    return rounded(accForget) - rounded(accUnseen);
  }
}
