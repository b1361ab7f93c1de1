package dev.lotus.metric;

import dev.lotus.device.InputException;
import java.util.Arrays;

/**
 * The forgetting score of the NeurIPS 2023 unlearning competition (Triantafillou et al. 2024, "Are
 * we making progress in unlearning?"; released code google-deepmind/unlearning_evaluation). For
 * each forget example, N unlearned and N retrained models give two samples of the logit-scaled
 * confidence. Attacks that tell them apart bound the epsilon of an (epsilon, delta)-unlearning:
 *
 * <pre>
 *   epsilon = max over attacks of max(log((1 - delta - FPR) / FNR), log((1 - delta - FNR) / FPR))
 * </pre>
 *
 * <p>An attack without any error makes it {@value #CAP}; one with an error of one kind only says
 * nothing (too few models) and is left out. An example gets 1 point for an epsilon below 0.5, half
 * of it for the next 0.5, and so on up to ceil(log(N - 1)), the most that N models can show; above
 * that nothing. Quality is the mean of the points.
 *
 * <p>The attacks are the published two families, taken over every threshold that changes a decision
 * instead of over a grid: one threshold, above which lies the sample of the larger median; and two
 * thresholds, between which lies the narrower sample, with the inner right one within 2 of that
 * sample's range and a width within 2 of its own.
 *
 * @param quality 0..1, larger is better forgotten
 * @param epsilon of each forget example, 0..{@value #CAP}
 * @param models N
 */
public record ForgettingScore(double quality, double[] epsilon, int models) {
  /** The published delta. */
  public static final double DELTA = 1e-5;

  /** The published cap of epsilon. */
  public static final double CAP = 50;

  /** With fewer models no epsilon could earn a point. */
  public static final int LEAST_MODELS = 3;

  private static final double BUCKET = 0.5;
  private static final double BUFFER = 2;
  private static final double PEAKY = 0.01;

  /**
   * @param unlearned [N][S] logit-scaled confidences of S forget examples under N unlearned models
   * @param retrained [N][S] the same under N models retrained without them
   * @throws InputException where N differs or is below 3, S is 0 or differs, or a value is not
   *     finite
   */
  public static ForgettingScore of(double[][] unlearned, double[][] retrained) {
    int models = unlearned.length;
    if (models < LEAST_MODELS || retrained.length != models) {
      throw new InputException(
          "forgetting score: "
              + models
              + " unlearned and "
              + retrained.length
              + " retrained models: give the same number of both, at least "
              + LEAST_MODELS);
    }
    int examples = unlearned[0].length;
    requireValues(unlearned, "unlearned", examples);
    requireValues(retrained, "retrained", examples);
    double[] epsilon = new double[examples];
    double points = 0;
    for (int s = 0; s < examples; s++) {
      epsilon[s] = epsilon(column(unlearned, s), column(retrained, s));
      points += points(epsilon[s], models);
    }
    return new ForgettingScore(points / examples, epsilon, models);
  }

  /**
   * The competition's final score: quality times what is left of the retrained model's utility.
   *
   * @param retain mean accuracy of the unlearned models on the retain set
   * @param test the same on the test half
   * @param retrainedRetain mean accuracy of the retrained models on the retain set
   * @param retrainedTest the same on the test half
   * @throws InputException where the retrained models have no accuracy to compare with
   */
  public double score(double retain, double test, double retrainedRetain, double retrainedTest) {
    if (!(retrainedRetain > 0) || !(retrainedTest > 0)) {
      throw new InputException(
          "forgetting score: the retrained models are right on none of the retain or test samples");
    }
    return quality * (retain / retrainedRetain) * (test / retrainedTest);
  }

  /** Of one example: the strongest attack between the two samples, both changed in order. */
  private static double epsilon(double[] unlearned, double[] retrained) {
    Arrays.sort(unlearned);
    Arrays.sort(retrained);
    double rangeU = unlearned[unlearned.length - 1] - unlearned[0];
    double rangeR = retrained[retrained.length - 1] - retrained[0];
    double largest = Math.max(rangeU, rangeR);
    // A distribution so narrow against the other is one that any observer can tell.
    if (largest > 0 && Math.min(rangeU, rangeR) / largest < PEAKY) {
      return CAP;
    }
    boolean retrainedAbove = median(retrained) > median(unlearned);
    double[] above = retrainedAbove ? retrained : unlearned;
    double[] other = retrainedAbove ? unlearned : retrained;
    double rangeAbove = retrainedAbove ? rangeR : rangeU;
    double rangeOther = retrainedAbove ? rangeU : rangeR;
    double best = oneThreshold(above, other);
    best =
        Math.max(
            best,
            rangeAbove >= rangeOther ? twoThresholds(other, above) : twoThresholds(above, other));
    return Math.min(CAP, best);
  }

  private static double oneThreshold(double[] above, double[] other) {
    double best = 0;
    int n = above.length;
    for (double[] thresholds : new double[][] {above, other}) {
      for (double threshold : thresholds) {
        best = Math.max(best, bound(below(above, threshold), n - below(other, threshold), n));
      }
    }
    return best;
  }

  private static double twoThresholds(double[] narrow, double[] wide) {
    int n = narrow.length;
    double[] all = new double[2 * n];
    System.arraycopy(narrow, 0, all, 0, n);
    System.arraycopy(wide, 0, all, n, n);
    Arrays.sort(all);
    int[] narrowBelow = new int[2 * n + 1];
    int[] wideBelow = new int[2 * n + 1];
    for (int i = 0; i < 2 * n; i++) {
      narrowBelow[i] = below(narrow, all[i]);
      wideBelow[i] = below(wide, all[i]);
    }
    narrowBelow[2 * n] = n;
    wideBelow[2 * n] = n;
    double width = narrow[n - 1] - narrow[0];
    double best = 0;
    for (int i = 0; i < all.length; i++) {
      if (i > 0 && all[i] == all[i - 1]) {
        continue;
      }
      double leftLow = i == 0 ? Double.NEGATIVE_INFINITY : all[i - 1];
      for (int j = i; j < all.length; j++) {
        double next = j + 1 == all.length ? Double.POSITIVE_INFINITY : all[j + 1];
        if (next == all[j]) {
          continue;
        }
        // Exactly all[i..j] lie between a left threshold in (leftLow, all[i]] and a right one in
        // [all[j], next); is one such pair within the published bounds?
        double rightLow = Math.max(all[j], narrow[n - 1] - BUFFER);
        double rightHigh = Math.min(next, narrow[n - 1] + BUFFER);
        boolean reachable =
            all[j] <= narrow[n - 1] + BUFFER
                && next > narrow[n - 1] - BUFFER
                && rightLow - all[i] <= width + BUFFER
                && rightHigh - leftLow > width - BUFFER;
        if (reachable) {
          int missed = n - (narrowBelow[j + 1] - narrowBelow[i]);
          int taken = wideBelow[j + 1] - wideBelow[i];
          best = Math.max(best, bound(missed, taken, n));
        }
      }
    }
    return best;
  }

  /** The epsilon that an attack shows with so many errors of each kind among n. */
  private static double bound(int falseNegatives, int falsePositives, int n) {
    if (falseNegatives == 0 && falsePositives == 0) {
      return CAP;
    }
    if (falseNegatives == 0 || falsePositives == 0) {
      return 0;
    }
    double fnr = (double) falseNegatives / n;
    double fpr = (double) falsePositives / n;
    double ratio = Math.max((1 - DELTA - fpr) / fnr, (1 - DELTA - fnr) / fpr);
    return ratio > 1 ? Math.log(ratio) : 0;
  }

  private static double points(double epsilon, int models) {
    double most = Math.ceil(Math.log(models - 1));
    int bucket = (int) Math.floor(epsilon / BUCKET);
    return (bucket + 1) * BUCKET <= most ? Math.pow(2, -bucket) : 0;
  }

  /** How many of the ascending values are below {@code bound}. */
  private static int below(double[] ascending, double bound) {
    int low = 0;
    int high = ascending.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ascending[middle] < bound) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private static double median(double[] ascending) {
    int middle = ascending.length / 2;
    return ascending.length % 2 == 1
        ? ascending[middle]
        : 0.5 * (ascending[middle - 1] + ascending[middle]);
  }

  private static double[] column(double[][] matrix, int s) {
    double[] column = new double[matrix.length];
    for (int n = 0; n < column.length; n++) {
      column[n] = matrix[n][s];
    }
    return column;
  }

  private static void requireValues(double[][] matrix, String models, int examples) {
    for (int n = 0; n < matrix.length; n++) {
      if (matrix[n].length != examples || examples == 0) {
        throw new InputException(
            "forgetting score: "
                + models
                + " model "
                + n
                + " has "
                + matrix[n].length
                + " forget examples, "
                + Math.max(1, examples)
                + " are expected");
      }
      for (double value : matrix[n]) {
        if (!Double.isFinite(value)) {
          throw new InputException(
              "forgetting score: a confidence of " + models + " model " + n + " is " + value);
        }
      }
    }
  }
}
