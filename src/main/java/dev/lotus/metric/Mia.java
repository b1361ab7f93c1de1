package dev.lotus.metric;

import dev.lotus.device.InputException;
import dev.lotus.device.ResultException;

/**
 * The membership inference attack of LoTUS's evaluation (upstream helpers/eval.py, {@code
 * log_mia}): a class-balanced logistic regression on one feature, the entropy of the softmax
 * output, learns to tell training samples (all of the retain set, 1) from unseen ones (test and
 * validation halves, 0); the score is the fraction of the forget set it takes for training samples.
 *
 * <p>It minimises 0.5 w^2 + C sum_i a_i logloss(y_i, w x_i + b) with C = 1, a_i = n / (2
 * n_class(i)), b unpenalised, by Newton's method in double precision with a backtracking line
 * search. The objective is strictly convex, so the solution is unique and no library's stopping
 * rule shows in it.
 */
public final class Mia {
  private static final int MAX_STEPS = 200;

  private Mia() {}

  /**
   * @param score fraction of the forget set with coefficient * x + intercept > 0, unrounded
   * @param coefficient w, per nat
   * @param intercept b
   */
  public record Result(double score, double coefficient, double intercept) {}

  /**
   * Fits on retain, test and validation, and scores the forget set. Entropies in nats, any order.
   * Where all entropies of the three are equal there is nothing to learn: coefficient, intercept
   * and score are 0.
   *
   * @throws InputException where retain or forget is empty, test and validation both are, or an
   *     entropy is not finite
   */
  public static Result fit(float[] retain, float[] test, float[] val, float[] forget) {
    requireFinite(retain, "retain");
    requireFinite(test, "test");
    requireFinite(val, "validation");
    requireFinite(forget, "forget");
    require(retain.length > 0, "the retain set is empty, so there are no members to learn from");
    require(
        test.length + val.length > 0, "test and validation are empty, so there are no non-members");
    require(forget.length > 0, "the forget set is empty, so there is nothing to score");

    int n = retain.length + test.length + val.length;
    double[] x = new double[n];
    int at = 0;
    for (float[] set : new float[][] {retain, test, val}) {
      for (float value : set) {
        x[at++] = value;
      }
    }
    double[] wb = new Regression(x, retain.length).minimise();
    long positive = 0;
    for (float value : forget) {
      if (wb[0] * value + wb[1] > 0) {
        positive++;
      }
    }
    return new Result((double) positive / forget.length, wb[0], wb[1]);
  }

  /** The objective over x, of which the first {@code members} are labelled 1 and the rest 0. */
  private static final class Regression {
    private final double[] x; // centred: Newton's matrix is far better conditioned so
    private final double mean;
    private final int members;
    private final double weightMember;
    private final double weightOther;
    private final boolean constant;

    Regression(double[] raw, int members) {
      int n = raw.length;
      double sum = 0;
      double min = raw[0];
      double max = raw[0];
      for (double value : raw) {
        sum += value;
        min = Math.min(min, value);
        max = Math.max(max, value);
      }
      this.constant = min == max;
      this.mean = sum / n;
      this.members = members;
      this.weightMember = n / (2.0 * members);
      this.weightOther = n / (2.0 * (n - members));
      this.x = new double[n];
      for (int i = 0; i < n; i++) {
        x[i] = raw[i] - mean;
      }
    }

    /** {w, b} in the caller's, not the centred, coordinates. */
    double[] minimise() {
      if (constant) {
        return new double[] {0, 0};
      }
      double w = 0;
      double b = 0;
      double value = objective(w, b);
      double gradientNorm = Double.POSITIVE_INFINITY;
      for (int step = 0; step < MAX_STEPS; step++) {
        double gw = w;
        double gb = 0;
        double hww = 1;
        double hwb = 0;
        double hbb = 0;
        for (int i = 0; i < x.length; i++) {
          double a = weight(i);
          double sigma = sigmoid(w * x[i] + b);
          double residual = a * (sigma - label(i));
          double curvature = a * sigma * (1 - sigma);
          gw += residual * x[i];
          gb += residual;
          hww += curvature * x[i] * x[i];
          hwb += curvature * x[i];
          hbb += curvature;
        }
        gradientNorm = Math.hypot(gw, gb) / x.length;
        if (gradientNorm < 1e-15) {
          break;
        }
        // hbb > 0 as long as one sample is undecided; the floor keeps the step finite where all
        // saturate.
        hbb = Math.max(hbb, 1e-12 * x.length);
        double determinant = Math.max(hww * hbb - hwb * hwb, 1e-300);
        double dw = -(hbb * gw - hwb * gb) / determinant;
        double db = -(hww * gb - hwb * gw) / determinant;
        double slope = gw * dw + gb * db;
        double length = 1;
        double next = objective(w + dw, b + db);
        while (!(next <= value + 1e-4 * length * slope) && length > 1e-12) {
          length /= 2;
          next = objective(w + length * dw, b + length * db);
        }
        if (!(next < value)) {
          // The objective is flat to the last bit here. A full Newton step is at most as large as
          // the error left, so
          // take it once more for the gradient's sake and stop.
          if (Math.hypot(dw, db) <= 1e-6 * (1 + Math.hypot(w, b))) {
            w += dw;
            b += db;
          }
          break;
        }
        w += length * dw;
        b += length * db;
        value = next;
      }
      if (!(gradientNorm < 1e-6)) {
        throw new ResultException(
            "MIA: the regression did not converge: gradient "
                + gradientNorm
                + " a sample at w = "
                + w
                + ", b = "
                + b);
      }
      return new double[] {w, b - w * mean};
    }

    private double objective(double w, double b) {
      double sum = 0;
      for (int i = 0; i < x.length; i++) {
        double z = w * x[i] + b;
        // log(1 + exp(-z)) for members, log(1 + exp(z)) for the others, without overflow.
        double signed = i < members ? -z : z;
        sum += weight(i) * (Math.max(signed, 0) + Math.log1p(Math.exp(-Math.abs(signed))));
      }
      return 0.5 * w * w + sum;
    }

    private double weight(int i) {
      return i < members ? weightMember : weightOther;
    }

    private double label(int i) {
      return i < members ? 1 : 0;
    }

    private static double sigmoid(double z) {
      return z >= 0 ? 1 / (1 + Math.exp(-z)) : 1 - 1 / (1 + Math.exp(z));
    }
  }

  private static void requireFinite(float[] values, String set) {
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw new InputException(
            "MIA: the entropy of "
                + set
                + " sample "
                + i
                + " is "
                + values[i]
                + ": the model's output there is not finite");
      }
    }
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new InputException("MIA: " + message);
    }
  }
}
