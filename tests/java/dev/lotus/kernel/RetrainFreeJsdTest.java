package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.kernel.RetrainFreeJsd.Side;
import java.util.Arrays;
import java.util.Comparator;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RetrainFreeJsdTest {
  private static final long SEED = -123456789L;
  private static final int SUBSETS = 6;

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithTheReferenceOnEveryWidth(Backend backend) {
    backend.assumeAvailable();
    for (int cols : Shapes.CLASSES) {
      for (int classes : cols > 200 ? new int[] {2} : new int[] {1, 13}) {
        try (PointerScope scope = new PointerScope()) {
          check(backend, classes, cols);
        }
      }
    }
  }

  private static void check(Backend backend, int classes, int cols) {
    SplittableRandom random = new SplittableRandom(60 + cols);
    double[] p = random.doubles((long) classes * cols).map(x -> Math.pow(x, 6)).toArray();
    double[] q = random.doubles((long) classes * cols).map(x -> Math.pow(x, 6)).toArray();
    long[] pCounts = random.longs(classes, 1, 9).toArray();
    long[] qCounts = random.longs(classes, 1, 9).toArray();
    if (classes > 4) {
      pCounts[3] = 0;
      qCounts[4] = 0;
      Arrays.fill(p, 3 * cols, 4 * cols, Double.NaN); // absent: not read
      Arrays.fill(p, 5 * cols, 6 * cols, 0); // a side without mass
    }
    int[] used =
        IntStream.range(0, classes).filter(k -> pCounts[k] > 0 && qCounts[k] > 0).toArray();
    double[] expected = new double[SUBSETS];
    for (int r = 0; r < SUBSETS; r++) {
      expected[r] = mean(p, q, used, cols, columns(r, cols));
    }
    double textbook = mean(p, q, used, cols, IntStream.range(0, cols).toArray());

    Tensor pIn = doubles(backend, p);
    Tensor qIn = doubles(backend, q);
    Tensor pCountsIn = backend.longs(pCounts);
    Tensor qCountsIn = backend.longs(qCounts);
    Tensor out = backend.zeroDoubles(3);
    Tensor subsets = backend.zeroDoubles(SUBSETS);
    Tensor workspace = backend.zeroDoubles((int) RetrainFreeJsd.workspaceSize(classes));
    RetrainFreeJsd.run(
        new Side(Backend.doublesAt(pIn), Backend.longsAt(pCountsIn)),
        new Side(Backend.doublesAt(qIn), Backend.longsAt(qCountsIn)),
        classes,
        cols,
        SUBSETS,
        SEED,
        Backend.doublesAt(out),
        Backend.doublesAt(subsets),
        Backend.doublesAt(workspace),
        backend.device(),
        null);
    String what = backend + " " + classes + "x" + cols;
    double[] actual = Backend.hostDoubles(out);
    assertThat(actual[0]).as(what).isCloseTo(textbook, within(1e-13));
    double upstream = upstream(p, pCounts, q, qCounts, used, cols);
    assertThat(actual[1]).as(what).isCloseTo(upstream, within(1e-13 + 1e-12 * upstream));
    assertThat(actual[2]).as(what).isEqualTo(used.length);
    double[] draws = Backend.hostDoubles(subsets);
    for (int r = 0; r < SUBSETS; r++) {
      assertThat(draws[r]).as("%s subset %d", what, r).isCloseTo(expected[r], within(1e-13));
    }
  }

  private static Tensor doubles(Backend backend, double[] x) {
    Tensor host = torch.tensor(x);
    return backend.device() == Matrix.CPU
        ? host
        : host.to(new org.bytedeco.pytorch.Device("cuda:0"), host.scalar_type());
  }

  private static int[] columns(int r, int cols) {
    return IntStream.range(0, cols)
        .boxed()
        .sorted(
            Comparator.comparingLong(
                c -> Philox.word(SEED, 0, Philox.SUBSETS, r, c) & 0xffffffffL))
        .limit((cols + 1) / 2)
        .mapToInt(Integer::intValue)
        .toArray();
  }

  private static double mean(double[] p, double[] q, int[] used, int cols, int[] columns) {
    double sum = 0;
    for (int k : used) {
      double[] a = Arrays.stream(columns).mapToDouble(c -> p[k * cols + c]).toArray();
      double[] b = Arrays.stream(columns).mapToDouble(c -> q[k * cols + c]).toArray();
      boolean pEmpty = Arrays.stream(a).sum() == 0;
      boolean qEmpty = Arrays.stream(b).sum() == 0;
      sum +=
          pEmpty || qEmpty
              ? (pEmpty && qEmpty ? 0 : Math.log(2))
              : Reference.jsdTextbook(a, b);
    }
    return sum / used.length;
  }

  private static double upstream(
      double[] p, long[] pCounts, double[] q, long[] qCounts, int[] used, int cols) {
    double pSum = 0;
    double qSum = 0;
    for (int k : used) {
      for (int c = 0; c < cols; c++) {
        pSum += clamp(p[k * cols + c] / pCounts[k]);
        qSum += clamp(q[k * cols + c] / qCounts[k]);
      }
    }
    double sum = 0;
    for (int k : used) {
      for (int c = 0; c < cols; c++) {
        double a = clamp(p[k * cols + c] / pCounts[k]) / pSum;
        double b = clamp(q[k * cols + c] / qCounts[k]) / qSum;
        double m = (a + b) / 2;
        sum += m * Math.log(m / Math.sqrt(a * b));
      }
    }
    return sum / used.length;
  }

  private static double clamp(double p) {
    return Math.min(1, Math.max(1e-8, p));
  }

  @Test
  void withoutACommonClassValuesAreNaN() {
    try (PointerScope scope = new PointerScope()) {
      Side p = new Side(new DoublePointer(1, 2, 3, 4), new LongPointer(1, 0));
      Side q = new Side(new DoublePointer(1, 2, 3, 4), new LongPointer(0, 1));
      DoublePointer out = new DoublePointer(3);
      DoublePointer subsets = new DoublePointer(2);
      RetrainFreeJsd.run(
          p, q, 2, 2, 2, 0, out, subsets, new DoublePointer(10), Matrix.CPU, null);
      assertThat(out.get(0)).isNaN();
      assertThat(out.get(1)).isNaN();
      assertThat(out.get(2)).isZero();
      assertThat(subsets.get(1)).isNaN();
    }
  }

  @Test
  void eachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      DoublePointer six = new DoublePointer(6);
      LongPointer two = new LongPointer(2L);
      Side side = new Side(six, two);
      DoublePointer ten = new DoublePointer(10);
      refused(side, side, 0, 0, six, six, ten, "classes >= 1");
      refused(side, side, 2, -1, six, six, ten, "subsets >= 0");
      refused(new Side(null, two), side, 2, 1, six, six, ten, "p_sums is null");
      refused(new Side(six, null), side, 2, 1, six, six, ten, "p_counts is null");
      refused(side, new Side(new DoublePointer(5), two), 2, 1, six, six, ten, "q_sums holds 5");
      refused(side, new Side(six, new LongPointer(1L)), 2, 1, six, six, ten, "q_counts holds 1");
      refused(side, side, 2, 1, null, six, ten, "out is null");
      refused(side, side, 2, 7, six, six, ten, "subset_out holds 6");
      refused(side, side, 2, 1, six, six, new DoublePointer(9), "workspace holds 9");
    }
  }

  private static void refused(
      Side p,
      Side q,
      long classes,
      int subsets,
      DoublePointer out,
      DoublePointer subsetOut,
      DoublePointer workspace,
      String text) {
    ThrowingCallable call =
        () ->
            RetrainFreeJsd.run(
                p, q, classes, 3, subsets, 1, out, subsetOut, workspace, Matrix.CPU, null);
    assertThatIllegalArgumentException().isThrownBy(call).withMessageContaining(text);
  }
}
