package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.Backend.Placed;
import dev.lotus.kernel.Shapes.Shape;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class EntropyHistogramTest {
  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithTheReferenceOnEveryShape(Backend backend) {
    backend.assumeAvailable();
    for (Shape shape : Shapes.all()) {
      try (PointerScope scope = new PointerScope()) {
        check(backend, Shapes.dtypeInTurn(shape, 1), shape.rows(), shape.cols());
      }
    }
  }

  private static void check(Backend backend, DType dtype, int rows, int cols) {
    float[] logits = Cases.logits(rows, cols, 50 + cols);
    long bad = rows > 4 ? 1 : 0;
    if (bad > 0) {
      logits[4 * cols + cols / 2] = Float.NaN;
    }
    // Not 0 to log C: some entropies lie outside, and equal rows not on an edge.
    float low = 0.1f;
    float high = (float) (0.9 * Math.log(cols + 2));
    int bins = 1 + (rows + cols) % 40;
    float[] x = Cases.rounded(logits, dtype);
    long[] least = new long[bins];
    long[] most = new long[bins];
    for (int b = 0; b < rows; b++) {
      if (b == 4 && bad > 0) {
        continue;
      }
      double entropy = Reference.entropy(x, b * cols, cols);
      double slack = 1e-6 + 1e-5 * entropy;
      int first = bin(entropy - slack, low, high, bins);
      int last = bin(entropy + slack, low, high, bins);
      if (first == last) {
        least[first]++;
      }
      for (int i = first; i <= last; i++) {
        most[i]++;
      }
    }

    Placed placed = backend.matrix(logits, rows, cols, cols + 2, dtype, Float.NaN);
    Tensor counts = backend.longs(new long[bins]);
    Tensor nonfinite = backend.longs(new long[] {3});
    EntropyHistogram.run(
        placed.matrix(),
        low,
        high,
        bins,
        Backend.longsAt(counts),
        Backend.longsAt(nonfinite),
        null);
    String what = backend + " " + dtype + " " + rows + "x" + cols;
    long[] actual = Backend.hostLongs(counts);
    long total = 0;
    for (int i = 0; i < bins; i++) {
      assertThat(actual[i]).as("%s bin %d", what, i).isBetween(least[i], most[i]);
      total += actual[i];
    }
    assertThat(total).as(what).isEqualTo(rows - bad);
    assertThat(Backend.hostLongs(nonfinite)).as(what).containsExactly(3 + bad);
  }

  private static int bin(double entropy, float low, float high, int bins) {
    double position = Math.floor((entropy - low) / ((double) high - low) * bins);
    return (int) Math.max(0, Math.min(bins - 1, position));
  }

  /** Entropies 0, log 2 and log 3 in bins of [0, log 3]: the last bin is closed. */
  @Test
  void countsAreAddedAndTheLastBinIsClosed() {
    try (PointerScope scope = new PointerScope()) {
      float none = Float.NEGATIVE_INFINITY;
      Matrix m = Matrix.of(new FloatPointer(0f, none, none, 1f, 1f, none, 2f, 2f, 2f), 3, 3);
      LongPointer counts = new LongPointer(10, 10, 10);
      EntropyHistogram.run(m, 0f, (float) Math.log(3), 3, counts, null, null);
      assertThat(counts.get(0)).isEqualTo(11);
      assertThat(counts.get(1)).isEqualTo(11);
      assertThat(counts.get(2)).isEqualTo(11);
    }
  }

  @Test
  void eachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      Matrix m = Matrix.of(new FloatPointer(12), 3, 4);
      LongPointer counts = new LongPointer(5L);
      refused(() -> EntropyHistogram.run(m, Float.NaN, 1, 5, counts, null, null), "low is NaN");
      refused(() -> EntropyHistogram.run(m, 1, 1, 5, counts, null, null), "high is 1.0");
      refused(() -> EntropyHistogram.run(m, 0, 1, 0, counts, null, null), "bins is 0");
      refused(() -> EntropyHistogram.run(m, 0, 1, 6, counts, null, null), "counts holds 5");
      refused(() -> EntropyHistogram.run(m, 0, 1, 5, null, null, null), "counts is null");
    }
  }

  private static void refused(ThrowingCallable call, String text) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessageContaining(text);
  }
}
