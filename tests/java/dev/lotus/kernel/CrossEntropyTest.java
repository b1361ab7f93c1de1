package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.Backend.Placed;
import dev.lotus.kernel.CrossEntropy.Options;
import dev.lotus.kernel.CrossEntropy.Output;
import dev.lotus.kernel.Shapes.Shape;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.ShortPointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CrossEntropyTest {
  record Variant(
      Backend backend,
      int turn,
      double smoothing,
      boolean weighted,
      boolean signed,
      boolean inPlace) {}

  static Stream<Variant> variants() {
    return Backend.all().stream()
        .flatMap(
            b ->
                Stream.of(
                    new Variant(b, 0, 0, false, false, false),
                    new Variant(b, 1, 0, true, true, true),
                    new Variant(b, 2, 0.1, false, true, false),
                    new Variant(b, 3, 0.75, true, false, true)));
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
    float[] logits = Cases.logits(rows, cols, 20 + cols);
    long[] labels = Cases.labels(rows, cols, 21);
    float[] x = Cases.rounded(logits, dtype);
    SplittableRandom random = new SplittableRandom(22);
    float[] classWeight = new float[cols];
    float[] rowWeight = new float[rows];
    for (int c = 0; c < cols; c++) {
      classWeight[c] = v.weighted() ? random.nextInt(3) * 0.75f : 1;
    }
    double[] loss = new double[rows];
    double[] gradient = new double[rows * cols];
    long correct = 0;
    for (int b = 0; b < rows; b++) {
      if (b % 3 == 0) {
        labels[b] = Reference.argmax(row(x, b, cols));
      }
      rowWeight[b] = !v.signed() ? 1 : b % 2 == 0 ? -1 : 0.5f;
      int label = (int) labels[b];
      correct += Reference.argmax(row(x, b, cols)) == label ? 1 : 0;
      double[] target = target(x, b, cols, label, v.smoothing(), classWeight);
      double[] p = Reference.softmax(x, b * cols, cols);
      loss[b] = Reference.crossEntropy(x, b * cols, cols, target);
      double mass = Arrays.stream(target).sum();
      for (int c = 0; c < cols; c++) {
        gradient[b * cols + c] = 0.5 * rowWeight[b] * (mass * p[c] - target[c]);
      }
    }

    Backend backend = v.backend();
    Placed xm = backend.matrix(logits, rows, cols, cols + v.turn(), dtype, 9f);
    Placed gm =
        v.inPlace() ? xm : backend.matrix(new float[rows * cols], rows, cols, cols + 2, dtype, 9f);
    Tensor lossOut = backend.floats(new float[rows]);
    Tensor correctOut = backend.longs(new long[] {1000});
    Tensor nonfinite = backend.longs(new long[] {0});
    CrossEntropy.run(
        xm.matrix(),
        Backend.longsAt(backend.longs(labels)),
        new Options(
            v.weighted() ? Backend.floatsAt(backend.floats(classWeight)) : null,
            v.smoothing(),
            v.signed() ? Backend.floatsAt(backend.floats(rowWeight)) : null),
        new Output(
            Backend.longsAt(correctOut),
            Backend.floatsAt(lossOut),
            gm.matrix(),
            0.5f,
            Backend.longsAt(nonfinite)),
        null);
    String what = v + " " + dtype + " " + rows + "x" + cols;
    Tolerance.assertClose("loss " + what, Backend.hostFloats(lossOut), loss);
    Tolerance.assertWithin("gradient " + what, gm.values(), gradient, dtype);
    assertThat(Backend.hostLongs(correctOut)).as(what).containsExactly(1000 + correct);
    assertThat(Backend.hostLongs(nonfinite)).as(what).containsExactly(0);
    assertThat(gm.gapsUntouched(9f)).as("memory between the rows, %s", what).isTrue();
  }

  private static double[] row(float[] x, int b, int cols) {
    double[] row = new double[cols];
    for (int c = 0; c < cols; c++) {
      row[c] = x[b * cols + c];
    }
    return row;
  }

  private static double[] target(
      float[] x, int b, int cols, int label, double smoothing, float[] weight) {
    int kept = 0;
    for (int c = 0; c < cols; c++) {
      kept += x[b * cols + c] > Float.NEGATIVE_INFINITY ? 1 : 0;
    }
    double[] target = new double[cols];
    for (int c = 0; c < cols; c++) {
      boolean masked = x[b * cols + c] == Float.NEGATIVE_INFINITY;
      // The kernel takes the smoothing as fp32.
      double share = masked ? 0 : (float) smoothing / kept;
      target[c] = weight[c] * (share + (c == label ? 1 - (float) smoothing : 0));
    }
    return target;
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void aRowThatIsNotFiniteHarmsNoOther(Backend backend) {
    backend.assumeAvailable();
    for (int cols : new int[] {1, 10, 33, 1001}) {
      for (double smoothing : new double[] {0, 0.2}) {
        try (PointerScope scope = new PointerScope()) {
          float[] logits = Cases.logits(5, cols, 23);
          logits[cols / 2] = Float.NaN;
          logits[2 * cols + cols - 1] = Float.POSITIVE_INFINITY;
          Arrays.fill(logits, 3 * cols, 4 * cols, Float.NEGATIVE_INFINITY);
          Arrays.fill(logits, cols, 2 * cols, 1f);
          Placed x = backend.matrix(logits, 5, cols, cols, DType.FLOAT32, 0);
          Placed g = backend.matrix(new float[5 * cols], 5, cols, cols, DType.FLOAT32, 0);
          Tensor loss = backend.floats(new float[5]);
          Tensor counters = backend.longs(new long[] {0, 100});
          CrossEntropy.run(
              x.matrix(),
              Backend.longsAt(backend.longs(new long[5])),
              new Options(null, smoothing, null),
              new Output(
                  Backend.longsAt(counters),
                  Backend.floatsAt(loss),
                  g.matrix(),
                  1f,
                  Backend.longsAt(counters).getPointer(1)),
              null);
          float[] losses = Backend.hostFloats(loss);
          for (int b = 0; b < 5; b++) {
            boolean bad = b == 0 || b == 2 || b == 3;
            assertThat(Float.isNaN(losses[b])).as("loss of row %d", b).isEqualTo(bad);
            for (int c = 0; c < cols; c++) {
              assertThat(Float.isNaN(g.values()[b * cols + c])).as("%d,%d", b, c).isEqualTo(bad);
            }
          }
          assertThat(Backend.hostLongs(counters)[0]).as("correct").isBetween(1L, 2L);
          assertThat(Backend.hostLongs(counters)[1]).isEqualTo(103);
        }
      }
    }
  }

  @Test
  void aMaskedLabelCostsAnInfiniteLossUnlessItWeighsNothing() {
    try (PointerScope scope = new PointerScope()) {
      float inf = Float.NEGATIVE_INFINITY;
      FloatPointer x = new FloatPointer(0, inf, 1, 0, inf, 1);
      FloatPointer weights = new FloatPointer(1, 0, 1);
      FloatPointer loss = new FloatPointer(2);
      FloatPointer g = new FloatPointer(6);
      for (FloatPointer weight : new FloatPointer[] {null, weights}) {
        CrossEntropy.run(
            Matrix.of(x, 2, 3),
            new LongPointer(1, 2),
            new Options(weight, 0, null),
            new Output(null, loss, Matrix.of(g, 2, 3), 1f, null),
            null);
        assertThat(loss.get(0)).isEqualTo(weight == null ? Float.POSITIVE_INFINITY : 0f);
        assertThat(loss.get(1)).isFinite();
        assertThat(g.get(4)).as("a masked class").isZero();
      }
    }
  }

  @Test
  void bitsDoNotDependOnThreads() {
    int rows = 513;
    int cols = 101;
    float[] logits = Cases.logits(rows, cols, 24);
    long[] labels = Cases.labels(rows, cols, 25);
    float[][] results = new float[3][rows * cols];
    long[] correct = new long[3];
    for (int i = 0; i < 3; i++) {
      Kernels.setNumThreads(new int[] {1, 2, 5}[i]);
      try (PointerScope scope = new PointerScope()) {
        FloatPointer g = new FloatPointer(results[i]);
        LongPointer counter = new LongPointer(new long[1]);
        CrossEntropy.run(
            Matrix.of(new FloatPointer(logits), rows, cols),
            new LongPointer(labels),
            new Options(null, 0.1, null),
            new Output(counter, null, Matrix.of(g, rows, cols), 1f, null),
            null);
        g.get(results[i]);
        correct[i] = counter.get();
      }
    }
    Kernels.setNumThreads(0);
    assertThat(results[1]).isEqualTo(results[0]);
    assertThat(results[2]).isEqualTo(results[0]);
    assertThat(correct).containsOnly(correct[0]);
  }

  @Test
  void emptyBatchesAreAllowedAndNothingIsWritten() {
    try (PointerScope scope = new PointerScope()) {
      FloatPointer none = new FloatPointer(1).put(7);
      CrossEntropy.run(
          Matrix.of(none, 0, 10),
          new LongPointer(1),
          Options.PLAIN,
          new Output(null, none, null, 1f, null),
          null);
      assertThat(none.get()).isEqualTo(7);
    }
  }

  @Test
  void eachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      Matrix m = Matrix.of(new FloatPointer(12), 3, 4);
      Matrix narrow = Matrix.of(new FloatPointer(9), 3, 3);
      Matrix half = Matrix.ofBfloat16(new ShortPointer(12), 3, 4, 4);
      LongPointer labels = new LongPointer(0, 1, 2);
      FloatPointer two = new FloatPointer(2);
      FloatPointer loss = new FloatPointer(3);
      Output out = new Output(null, loss, null, 1f, null);
      refused(m, null, Options.PLAIN, out, "labels is null");
      refused(m, new LongPointer(2), Options.PLAIN, out, "labels holds 2");
      refused(m, new LongPointer(0, 1, 4), Options.PLAIN, out, "the label of row 2 is 4");
      refused(m, labels, new Options(two, 0, null), out, "class_weight holds 2");
      refused(m, labels, new Options(null, 0, two), out, "row_weight holds 2");
      for (double smoothing : new double[] {-0.1, 1, Double.NaN, 1 - 1e-12}) {
        refused(m, labels, new Options(null, smoothing, null), out, "label_smoothing is");
      }
      refused(m, labels, Options.PLAIN, new Output(null, two, null, 1f, null), "loss holds 2");
      refused(m, labels, Options.PLAIN, new Output(null, null, narrow, 1f, null), "gradient is");
      refused(
          m, labels, Options.PLAIN, new Output(null, null, half, 1f, null), "gradient is BFLOAT16");
      refused(
          m, labels, Options.PLAIN, new Output(null, null, null, 1f, null), "nothing to compute");
      FloatPointer wide = new FloatPointer(20);
      refused(
          Matrix.of(wide, 3, 4, 5),
          labels,
          Options.PLAIN,
          new Output(null, null, Matrix.of(wide, 3, 4, 6), 1f, null),
          "in place of logits, but its stride is 6");
    }
  }

  private static void refused(
      Matrix logits, LongPointer labels, Options options, Output out, String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CrossEntropy.run(logits, labels, options, out, null))
        .withMessageContaining(text);
  }
}
