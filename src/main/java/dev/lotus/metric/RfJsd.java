package dev.lotus.metric;

import dev.lotus.device.InputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * RF-JSD, the retrain-free divergence of LoTUS (CVPR 2025, section 4; upstream helpers/eval.py,
 * {@code log_js_proxy}): how far the unlearned model's mean answer on each forgotten class is from
 * the original model's mean answer on the same class of the test set. No retrained model is needed.
 *
 * <p>For each class k of the forget set that the test set has too: P_k = mean softmax of the
 * unlearned model over forget samples labelled k, Q_k = the same of the original model over test
 * samples.
 *
 * @param textbook mean over those k of JSD(P_k, Q_k), rows normalised, 0..ln 2 ({@link Jsd})
 * @param upstream the published form over the two class-mean matrices ({@link JsdUpstream}),
 *     unrounded
 * @param classesUsed how many classes entered
 * @param low percentile 2.5 of the textbook value over {@value #SUBSETS} random subsets of the
 *     output columns
 * @param high percentile 97.5 of the same
 */
public record RfJsd(double textbook, double upstream, int classesUsed, double low, double high) {
  /** Subsets drawn for the interval. */
  public static final int SUBSETS = 200;

  /**
   * Seed of the one {@link SplittableRandom} from which all {@value #SUBSETS} subsets are drawn in
   * turn. It is fixed, so every model with C outputs is judged on the same subsets and two models'
   * intervals compare.
   */
  public static final long SUBSET_SEED = 0x4C6F545553L;

  /**
   * From the statistics of two sets, both with class means.
   *
   * @param unlearnedForget the unlearned model on the forget set
   * @param originalTest the original model on the test half
   * @throws InputException where the two have different numbers of classes, or share none
   */
  public static RfJsd of(SetStatistics unlearnedForget, SetStatistics originalTest) {
    if (unlearnedForget.classMeans() == null || originalTest.classMeans() == null) {
      throw new IllegalArgumentException("RF-JSD needs the class means of both sets");
    }
    return of(
        unlearnedForget.classMeans(),
        unlearnedForget.classCounts(),
        originalTest.classMeans(),
        originalTest.classCounts());
  }

  /**
   * From class means.
   *
   * @param forgetMeans [C][C], row k the mean output for class k; read only where its count is
   *     positive
   * @param forgetCounts [C]
   * @param testMeans [C][C]
   * @param testCounts [C]
   * @throws InputException where the two have different numbers of classes, or share none
   */
  public static RfJsd of(
      double[][] forgetMeans, long[] forgetCounts, double[][] testMeans, long[] testCounts) {
    if (forgetCounts.length != testCounts.length) {
      throw new InputException(
          "RF-JSD: the forget set was scored with "
              + forgetCounts.length
              + " classes, the test set with "
              + testCounts.length
              + ": give models of the same classes");
    }
    List<double[]> p = new ArrayList<>();
    List<double[]> q = new ArrayList<>();
    for (int k = 0; k < forgetCounts.length; k++) {
      // A forgotten class that the test half lacks has nothing to be compared with.
      if (forgetCounts[k] > 0 && testCounts[k] > 0) {
        p.add(forgetMeans[k]);
        q.add(testMeans[k]);
      }
    }
    if (p.isEmpty()) {
      throw new InputException(
          "RF-JSD: no class of the forget set occurs in the test half: make the held-out set"
              + " larger");
    }
    double[][] rowsP = p.toArray(double[][]::new);
    double[][] rowsQ = q.toArray(double[][]::new);
    double[] draws = overSubsets(rowsP, rowsQ);
    return new RfJsd(
        Jsd.meanOverRows(rowsP, rowsQ),
        JsdUpstream.of(rowsP, rowsQ),
        rowsP.length,
        percentile(draws, 2.5),
        percentile(draws, 97.5));
  }

  /**
   * The textbook value on each subset of ceil(C/2) columns, renormalised; ascending, [{@value
   * #SUBSETS}].
   */
  private static double[] overSubsets(double[][] p, double[][] q) {
    SplittableRandom random = new SplittableRandom(SUBSET_SEED);
    double[] draws = new double[SUBSETS];
    for (int r = 0; r < SUBSETS; r++) {
      int[] columns = drawColumns(random, p[0].length);
      double sum = 0;
      for (int row = 0; row < p.length; row++) {
        sum += onColumns(p[row], q[row], columns);
      }
      draws[r] = sum / p.length;
    }
    Arrays.sort(draws);
    return draws;
  }

  /**
   * ceil(C/2) of the columns 0..C-1 without replacement: the head of a Fisher-Yates shuffle of
   * 0..C-1.
   */
  static int[] drawColumns(SplittableRandom random, int classes) {
    int[] columns = new int[classes];
    for (int c = 0; c < classes; c++) {
      columns[c] = c;
    }
    int chosen = (classes + 1) / 2;
    for (int i = 0; i < chosen; i++) {
      int j = i + random.nextInt(classes - i);
      int other = columns[j];
      columns[j] = columns[i];
      columns[i] = other;
    }
    return Arrays.copyOf(columns, chosen);
  }

  private static double onColumns(double[] p, double[] q, int[] columns) {
    double sumP = 0;
    double sumQ = 0;
    for (int c : columns) {
      sumP += p[c];
      sumQ += q[c];
    }
    // Softmax outputs have mass everywhere; only underflow leaves none. Then neither side says
    // anything of these
    // columns (no difference), or one does and the other does not (the largest there is).
    if (!(sumP > 0) || !(sumQ > 0)) {
      return sumP > 0 || sumQ > 0 ? Math.log(2) : 0;
    }
    double[] subP = new double[columns.length];
    double[] subQ = new double[columns.length];
    for (int i = 0; i < columns.length; i++) {
      subP[i] = p[columns[i]] / sumP;
      subQ[i] = q[columns[i]] / sumQ;
    }
    return Jsd.ofRows(subP, subQ);
  }

  /** Linear interpolation between order statistics, numpy's default. */
  static double percentile(double[] ascending, double percent) {
    double position = percent / 100 * (ascending.length - 1);
    int below = (int) Math.floor(position);
    int above = Math.min(below + 1, ascending.length - 1);
    double fraction = position - below;
    return ascending[below] + fraction * (ascending[above] - ascending[below]);
  }
}
