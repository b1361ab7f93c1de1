package dev.lotus.metric;

import dev.lotus.kernel.Philox;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/** RF-JSD in plain Java: what the kernel is held to. */
final class RfJsdReference {
  private RfJsdReference() {}

  /** The columns of subset {@code r}: the ceil(C / 2) with the smallest words, ascending. */
  static int[] columns(long seed, int r, int classes) {
    return IntStream.range(0, classes)
        .boxed()
        .sorted(
            Comparator.<Integer>comparingLong(
                    c -> Philox.word(seed, 0, Philox.SUBSETS, r, c) & 0xffffffffL)
                .thenComparing(Comparator.naturalOrder()))
        .limit((classes + 1) / 2)
        .mapToInt(Integer::intValue)
        .sorted()
        .toArray();
  }

  /** The textbook value on each subset, renormalised, in the subsets' order. */
  static double[] overSubsets(double[][] p, double[][] q, long seed, int subsets) {
    double[] draws = new double[subsets];
    for (int r = 0; r < subsets; r++) {
      int[] columns = columns(seed, r, p[0].length);
      double sum = 0;
      for (int row = 0; row < p.length; row++) {
        sum += onColumns(p[row], q[row], columns);
      }
      draws[r] = sum / p.length;
    }
    return draws;
  }

  static double onColumns(double[] p, double[] q, int[] columns) {
    double sumP = Arrays.stream(columns).mapToDouble(c -> p[c]).sum();
    double sumQ = Arrays.stream(columns).mapToDouble(c -> q[c]).sum();
    // Neither side says anything of these columns (no difference), or one does and the other does
    // not (the largest there is).
    if (!(sumP > 0) || !(sumQ > 0)) {
      return sumP > 0 || sumQ > 0 ? Math.log(2) : 0;
    }
    return Jsd.ofRows(
        Arrays.stream(columns).mapToDouble(c -> p[c] / sumP).toArray(),
        Arrays.stream(columns).mapToDouble(c -> q[c] / sumQ).toArray());
  }
}
