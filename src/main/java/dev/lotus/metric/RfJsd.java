package dev.lotus.metric;

import dev.lotus.device.InputException;
import dev.lotus.kernel.Matrix;
import dev.lotus.kernel.RetrainFreeJsd;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;

/**
 * RF-JSD, the retrain-free divergence of LoTUS (CVPR 2025, section 4; upstream helpers/eval.py,
 * {@code log_js_proxy}): how far the unlearned model's mean answer on each forgotten class is from
 * the original model's mean answer on the same class of the test set. No retrained model is needed.
 *
 * <p>For each class k of the forget set that the test set has too: P_k = mean softmax of the
 * unlearned model over forget samples labelled k, Q_k = the same of the original model over test
 * samples. Computed by {@link RetrainFreeJsd}; {@link Jsd} and {@link JsdUpstream} are its two
 * divergences.
 *
 * @param textbook mean over those k of JSD(P_k, Q_k), rows normalised, 0..ln 2
 * @param upstream the published form over the two class-mean matrices, unrounded
 * @param classesUsed how many classes entered
 * @param low percentile 2.5 of the textbook value over {@value #SUBSETS} random subsets of the
 *     output columns
 * @param high percentile 97.5 of the same
 */
public record RfJsd(double textbook, double upstream, int classesUsed, double low, double high) {
  /** Subsets drawn for the interval. */
  public static final int SUBSETS = 200;

  /**
   * Seed of the subsets, which are drawn by Philox. It is fixed, so every model with C outputs is
   * judged on the same subsets and two models' intervals compare.
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
    double[] out = new double[3];
    double[] draws = new double[SUBSETS];
    compute(p, q, out, draws);
    if (Double.isNaN(out[0]) || Double.isNaN(out[1])) {
      throw new InputException(
          "RF-JSD: the class means hold values that are negative or not finite: give the mean"
              + " probabilities of each class");
    }
    Arrays.sort(draws);
    return new RfJsd(
        out[0], out[1], (int) out[2], percentile(draws, 2.5), percentile(draws, 97.5));
  }

  /** By {@link RetrainFreeJsd}, on the means as sums of one sample each. */
  private static void compute(List<double[]> p, List<double[]> q, double[] out, double[] draws) {
    int classes = p.size();
    int cols = p.get(0).length;
    try (PointerScope scope = new PointerScope()) {
      DoublePointer values = new DoublePointer(3);
      DoublePointer subsets = new DoublePointer(SUBSETS);
      RetrainFreeJsd.run(
          side(p),
          side(q),
          classes,
          cols,
          SUBSETS,
          SUBSET_SEED,
          values,
          subsets,
          new DoublePointer(RetrainFreeJsd.workspaceSize(classes)),
          Matrix.CPU,
          null);
      values.get(out);
      subsets.get(draws);
    }
  }

  private static RetrainFreeJsd.Side side(List<double[]> means) {
    int cols = means.get(0).length;
    DoublePointer sums = new DoublePointer((long) means.size() * cols);
    for (int k = 0; k < means.size(); k++) {
      sums.getPointer((long) k * cols).put(means.get(k), 0, cols);
    }
    long[] ones = new long[means.size()];
    Arrays.fill(ones, 1);
    return new RetrainFreeJsd.Side(sums, new LongPointer(ones));
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
