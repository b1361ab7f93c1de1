package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.Backend.Placed;
import dev.lotus.kernel.EvaluateLogits.ClassSums;
import dev.lotus.kernel.Shapes.Shape;
import java.util.Arrays;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ClassMeansTest {
  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithTheReferenceOnEveryShape(Backend backend) {
    backend.assumeAvailable();
    for (Shape shape : Shapes.all()) {
      try (PointerScope scope = new PointerScope()) {
        check(backend, Shapes.dtypeInTurn(shape, 0), shape.rows(), shape.cols());
      }
    }
  }

  private static void check(Backend backend, DType dtype, int rows, int cols) {
    float[] logits = Cases.logits(rows, cols, 40 + cols);
    long[] labels = Cases.labels(rows, cols, 41);
    int slots = Math.min(cols, 4);
    int[] slotOf = new int[cols];
    for (int c = 0; c < cols; c++) {
      slotOf[c] = c % 3 == 2 ? -1 : c % slots;
    }
    long bad = 0;
    if (rows > 6) {
      // One row that is left out and so not read, one that counts.
      logits[5 * cols] = Float.NaN;
      labels[5] = Math.min(2, cols - 1);
      logits[6 * cols] = Float.NaN;
      labels[6] = 0;
      bad = cols > 2 ? 1 : 2;
    }
    float[] x = Cases.rounded(logits, dtype);
    double[] sums = new double[slots * cols];
    long[] counts = new long[slots];
    for (int b = 0; b < rows; b++) {
      int slot = slotOf[(int) labels[b]];
      if (slot < 0 || Float.isNaN(x[b * cols])) {
        continue;
      }
      double[] p = Reference.softmax(x, b * cols, cols);
      for (int c = 0; c < cols; c++) {
        sums[slot * cols + c] += p[c];
      }
      counts[slot]++;
    }

    Placed placed = backend.matrix(logits, rows, cols, cols + 3, dtype, Float.NaN);
    Tensor sumsOut = backend.zeroDoubles(slots * cols);
    Tensor countsOut = backend.longs(new long[slots]);
    Tensor nonfinite = backend.longs(new long[] {2});
    Tensor labelsIn = backend.longs(labels);
    Tensor slotIn =
        backend
            .longs(Arrays.stream(slotOf).asLongStream().toArray())
            .to(torch.ScalarType.Int);
    ClassMeans.run(
        placed.matrix(),
        Backend.longsAt(labelsIn),
        new ClassSums(
            Backend.doublesAt(sumsOut),
            Backend.longsAt(countsOut),
            new IntPointer(slotIn.data_ptr()),
            slots),
        Backend.longsAt(nonfinite),
        null);
    String what = backend + " " + dtype + " " + rows + "x" + cols;
    Tolerance.assertClose("class sums " + what, Backend.hostDoubles(sumsOut), sums);
    assertThat(Backend.hostLongs(countsOut)).as(what).isEqualTo(counts);
    assertThat(Backend.hostLongs(nonfinite)).as(what).containsExactly(2 + bad);
  }

  @Test
  void noRowsAddNothing() {
    try (PointerScope scope = new PointerScope()) {
      DoublePointer sums = new DoublePointer(new double[] {1, 2, 3, 4});
      LongPointer counts = new LongPointer(new long[] {5, 6});
      ClassMeans.run(
          new Matrix(null, 0, 2, 2, DType.FLOAT32, Matrix.CPU),
          new LongPointer(1),
          new ClassSums(sums, counts, null, 2),
          null,
          null);
      assertThat(sums.get(3)).isEqualTo(4);
      assertThat(counts.get(1)).isEqualTo(6);
    }
  }

  @Test
  void eachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      Matrix m = Matrix.of(new FloatPointer(12), 3, 4);
      LongPointer labels = new LongPointer(0, 1, 2);
      DoublePointer sums = new DoublePointer(16);
      LongPointer counts = new LongPointer(4);
      ClassSums whole = new ClassSums(sums, counts, null, 4);
      refused(() -> ClassMeans.run(m, null, whole, null, null), "labels is null");
      refused(() -> ClassMeans.run(m, new LongPointer(2), whole, null, null), "labels holds 2");
      refused(
          () -> ClassMeans.run(m, new LongPointer(0, 0, -1), whole, null, null),
          "the label of row 2 is -1");
      refused(() -> ClassMeans.run(m, labels, null, null, null), "class_sums is null");
      refused(
          () ->
              ClassMeans.run(
                  m, labels, new ClassSums(new DoublePointer(15), counts, null, 4), null, null),
          "class_sums holds 15");
      refused(
          () -> ClassMeans.run(m, labels, new ClassSums(sums, null, null, 4), null, null),
          "class_counts is null");
      refused(
          () ->
              ClassMeans.run(
                  m, labels, new ClassSums(sums, counts, new IntPointer(3L), 4), null, null),
          "class_slot holds 3");
      refused(
          () -> ClassMeans.run(m, labels, new ClassSums(sums, counts, null, 3), null, null),
          "slots is 3");
    }
  }

  private static void refused(ThrowingCallable call, String text) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessageContaining(text);
  }
}
