package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.Backend.Placed;
import dev.lotus.kernel.GumbelCrossEntropy.Noise;
import dev.lotus.kernel.GumbelSoftmax.Sample;
import dev.lotus.kernel.Shapes.Shape;
import java.util.Arrays;
import java.util.stream.Stream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.ShortPointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GumbelSoftmaxTest {
  private static final long SEED = 0x5eed_0002_0000_0003L;
  private static final int STEP = 9;
  private static final int STREAM = 6;

  record Variant(
      Backend backend, int turn, Sample sample, double tau, boolean ready, boolean inPlace) {}

  static Stream<Variant> variants() {
    return Backend.all().stream()
        .flatMap(
            b ->
                Stream.of(
                    new Variant(b, 0, Sample.SOFT, 1, false, false),
                    new Variant(b, 1, Sample.SOFT, 0.5, true, true),
                    new Variant(b, 2, Sample.HARD, 3, false, true),
                    new Variant(b, 3, Sample.HARD, 1, true, false)));
  }

  @ParameterizedTest
  @MethodSource("variants")
  void agreesWithTheReferenceOnEveryShape(Variant v) {
    v.backend().assumeAvailable();
    for (Shape shape : Shapes.all()) {
      try (PointerScope scope = new PointerScope()) {
        check(v, shape.rows(), shape.cols(), Shapes.dtypeInTurn(shape, v.turn()));
      }
    }
  }

  private static void check(Variant v, int rows, int cols, DType dtype) {
    float[] logits = Cases.logits(rows, cols, 40 + cols);
    float[] x = Cases.rounded(logits, dtype);
    long[] samples = new long[rows];
    float[] ready = new float[rows * cols];
    double[] expected = new double[rows * cols];
    boolean[] tie = new boolean[rows];
    int ties = 0;
    for (int b = 0; b < rows; b++) {
      samples[b] = (3L << 33) + b;
      double[] score = new double[cols];
      for (int c = 0; c < cols; c++) {
        double drawn = Philox.gumbel(Philox.word(SEED, STEP, STREAM, samples[b], c));
        ready[b * cols + c] = (float) drawn;
        score[c] = x[b * cols + c] + (v.ready() ? (float) drawn : drawn);
      }
      tie[b] = v.sample() == Sample.HARD && Reference.margin(score) < 4e-5;
      ties += tie[b] ? 1 : 0;
      double[] out = new double[cols];
      if (v.sample() == Sample.HARD) {
        out[Reference.argmax(score)] = 1;
      } else {
        out = Reference.softmax(Arrays.stream(score).map(z -> z / v.tau()).toArray());
      }
      System.arraycopy(out, 0, expected, b * cols, cols);
    }
    assertThat(ties).as("rows whose argmax rounding may decide").isLessThanOrEqualTo(1 + rows / 50);

    Backend backend = v.backend();
    Placed xm = backend.matrix(logits, rows, cols, cols + v.turn(), dtype, 9f);
    Placed om =
        v.inPlace() ? xm : backend.matrix(new float[rows * cols], rows, cols, cols + 2, dtype, 9f);
    Placed noise = backend.matrix(ready, rows, cols, cols + 1, DType.FLOAT32, 0f);
    Tensor nonfinite = backend.longs(new long[] {0});
    GumbelSoftmax.run(
        xm.matrix(),
        v.tau(),
        v.sample(),
        new Noise(
            SEED, STEP, Backend.longsAt(backend.longs(samples)), v.ready() ? noise.matrix() : null),
        STREAM,
        om.matrix(),
        Backend.longsAt(nonfinite),
        null);
    float[] actual = om.values();
    for (int i = 0; i < actual.length; i++) {
      actual[i] = tie[i / cols] ? (float) expected[i] : actual[i];
    }
    String what = v + " " + dtype + " " + rows + "x" + cols;
    Tolerance.assertWithin("out " + what, actual, expected, dtype);
    assertThat(Backend.hostLongs(nonfinite)).as(what).containsExactly(0);
    assertThat(om.gapsUntouched(9f)).as("memory between the rows, %s", what).isTrue();
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void aRowThatIsNotFiniteHarmsNoOther(Backend backend) {
    backend.assumeAvailable();
    for (int cols : new int[] {1, 10, 33, 1001}) {
      for (Sample sample : Sample.values()) {
        try (PointerScope scope = new PointerScope()) {
          float[] logits = new float[5 * cols];
          float[] ready = new float[5 * cols];
          logits[cols / 2] = Float.NaN;
          Arrays.fill(logits, 2 * cols, 3 * cols, Float.NEGATIVE_INFINITY);
          logits[3 * cols + cols - 1] = Float.POSITIVE_INFINITY;
          ready[4 * cols + cols - 1] = Float.NaN;
          Placed x = backend.matrix(logits, 5, cols, cols, DType.FLOAT32, 0);
          Placed noise = backend.matrix(ready, 5, cols, cols, DType.FLOAT32, 0);
          Placed out = backend.matrix(new float[5 * cols], 5, cols, cols, DType.FLOAT32, 0);
          Tensor nonfinite = backend.longs(new long[] {100});
          GumbelSoftmax.run(
              x.matrix(),
              1,
              sample,
              new Noise(0, 0, null, noise.matrix()),
              0,
              out.matrix(),
              Backend.longsAt(nonfinite),
              null);
          float[] values = out.values();
          for (int i = 0; i < values.length; i++) {
            assertThat(Float.isNaN(values[i])).as("element %d", i).isEqualTo(i / cols != 1);
          }
          assertThat(Backend.hostLongs(nonfinite)).containsExactly(104);
        }
      }
    }
  }

  /**
   * Of hard samples, and of soft ones at a temperature near 0, each class has its softmax share.
   */
  @Test
  void samplesFollowTheSoftmax() {
    int n = 40_000;
    float[] logits = {1.0f, 0.0f, Float.NEGATIVE_INFINITY, 2.0f};
    double[] p = Reference.softmax(logits, 0, 4);
    try (PointerScope scope = new PointerScope()) {
      FloatPointer x = new FloatPointer(4L * n);
      for (int i = 0; i < 4 * n; i++) {
        x.put(i, logits[i % 4]);
      }
      FloatPointer out = new FloatPointer(4L * n);
      for (Sample sample : Sample.values()) {
        GumbelSoftmax.run(
            Matrix.of(x, n, 4), 1e-6, sample, Noise.of(8, 8), 0, Matrix.of(out, n, 4), null, null);
        double chi2 = 0;
        for (int c = 0; c < 4; c++) {
          double hits = 0;
          for (int b = 0; b < n; b++) {
            hits += out.get(4L * b + c);
          }
          if (c == 2) {
            assertThat(hits).as("a masked class").isZero();
          } else {
            chi2 += (hits - n * p[c]) * (hits - n * p[c]) / (n * p[c]);
          }
        }
        assertThat(chi2).as("chi-square, 2 degrees of freedom").isLessThan(18);
      }
    }
  }

  @Test
  void bitsDoNotDependOnThreads() {
    int rows = 513;
    int cols = 101;
    float[] logits = Cases.logits(rows, cols, 41);
    float[][] results = new float[3][rows * cols];
    for (int i = 0; i < 3; i++) {
      Kernels.setNumThreads(new int[] {1, 2, 5}[i]);
      try (PointerScope scope = new PointerScope()) {
        FloatPointer out = new FloatPointer(results[i]);
        GumbelSoftmax.run(
            Matrix.of(new FloatPointer(logits), rows, cols),
            0.7,
            Sample.SOFT,
            Noise.of(1, 2),
            3,
            Matrix.of(out, rows, cols),
            null,
            null);
        out.get(results[i]);
      }
    }
    Kernels.setNumThreads(0);
    assertThat(results[1]).isEqualTo(results[0]);
    assertThat(results[2]).isEqualTo(results[0]);
  }

  @Test
  void emptyBatchesAreAllowedAndNothingIsWritten() {
    try (PointerScope scope = new PointerScope()) {
      FloatPointer none = new FloatPointer(1).put(7);
      Matrix m = Matrix.of(none, 0, 10);
      GumbelSoftmax.run(m, 1, Sample.SOFT, Noise.of(0, 0), 0, m, null, null);
      assertThat(none.get()).isEqualTo(7);
    }
  }

  @Test
  void eachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      Matrix m = Matrix.of(new FloatPointer(12), 3, 4);
      Matrix narrow = Matrix.of(new FloatPointer(9), 3, 3);
      Matrix half = Matrix.ofBfloat16(new ShortPointer(12), 3, 4, 4);
      Noise noise = Noise.of(0, 0);
      for (double tau : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY, 1e-60}) {
        refused(m, tau, noise, 0, m, null, "tau is " + tau);
      }
      refused(m, 1, noise, -1, m, null, "stream_id is -1");
      refused(m, 1, noise, 256, m, null, "stream_id is 256");
      refused(m, 1, new Noise(0, 0, new LongPointer(2), null), 0, m, null, "samples holds 2");
      refused(m, 1, new Noise(0, 0, null, narrow), 0, m, null, "noise is FLOAT32[3, 3]");
      refused(m, 1, new Noise(0, 0, null, half), 0, m, null, "noise is BFLOAT16");
      refused(m, 1, noise, 0, narrow, null, "out is FLOAT32[3, 3]");
      refused(m, 1, noise, 0, half, null, "out is BFLOAT16");
      refused(m, 1, noise, 0, m, new LongPointer(2).position(2), "nonfinite_rows holds 0");
      FloatPointer wide = new FloatPointer(20);
      refused(
          Matrix.of(wide, 3, 4, 5),
          1,
          noise,
          0,
          Matrix.of(wide, 3, 4, 6),
          null,
          "in place of logits, but its stride is 6");
    }
  }

  private static void refused(
      Matrix logits,
      double tau,
      Noise noise,
      int streamId,
      Matrix out,
      LongPointer nonfiniteRows,
      String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                GumbelSoftmax.run(
                    logits, tau, Sample.SOFT, noise, streamId, out, nonfiniteRows, null))
        .withMessageContaining(text);
  }
}
