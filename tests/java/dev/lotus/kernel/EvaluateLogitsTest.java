package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.Backend.Placed;
import dev.lotus.kernel.EvaluateLogits.ClassSums;
import dev.lotus.kernel.EvaluateLogits.Output;
import dev.lotus.kernel.Shapes.Shape;
import java.util.Arrays;
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

class EvaluateLogitsTest {
  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithTheReferenceOnEveryShape(Backend backend) {
    backend.assumeAvailable();
    for (DType dtype : DType.values()) {
      for (Shape shape : Shapes.all()) {
        try (PointerScope scope = new PointerScope()) {
          check(backend, dtype, shape.rows(), shape.cols());
        }
      }
    }
  }

  private static void check(Backend backend, DType dtype, int rows, int cols) {
    float[] logits = Cases.logits(rows, cols, 10 + cols);
    long[] labels = Cases.labels(rows, cols, 11);
    for (int b = 0; b < rows; b += 3) {
      // Rows that are right on purpose: random labels rarely are at large C.
      labels[b] = argmax(Cases.rounded(logits, dtype), b * cols, cols);
    }
    if (rows > 4) {
      Arrays.fill(logits, 4 * cols, 5 * cols, 2f); // ties: the first class is the answer
      labels[4] = cols - 1;
    }
    float[] x = Cases.rounded(logits, dtype);
    // Every label into one of at most 5 slots, every seventh left out.
    int slots = Math.min(cols, 5);
    int[] slotOf = new int[cols];
    for (int c = 0; c < cols; c++) {
      slotOf[c] = c % 7 == 6 ? -1 : c % slots;
    }
    double[] loss = new double[rows];
    double[] entropy = new double[rows];
    double[] sums = new double[slots * cols];
    long[] counts = new long[slots];
    long correct = 0;
    for (int b = 0; b < rows; b++) {
      int label = (int) labels[b];
      loss[b] = Reference.logSumExp(x, b * cols, cols) - x[b * cols + label];
      entropy[b] = Reference.entropy(x, b * cols, cols);
      correct += argmax(x, b * cols, cols) == label ? 1 : 0;
      if (slotOf[label] >= 0) {
        double[] p = Reference.softmax(x, b * cols, cols);
        for (int c = 0; c < cols; c++) {
          sums[slotOf[label] * cols + c] += p[c];
        }
        counts[slotOf[label]]++;
      }
    }

    Placed placed = backend.matrix(logits, rows, cols, cols + 5, dtype, Float.NaN);
    Tensor lossOut = backend.floats(new float[rows]);
    Tensor entropyOut = backend.floats(new float[rows]);
    Tensor sumsOut = backend.zeroDoubles(slots * cols);
    Tensor countsOut = backend.longs(new long[slots]);
    Tensor correctOut = backend.longs(new long[] {1000});
    Tensor nonfinite = backend.longs(new long[] {0});
    Tensor slotIn = backend.longs(widen(slotOf)).to(torch.ScalarType.Int);
    EvaluateLogits.run(
        placed.matrix(),
        Backend.longsAt(backend.longs(labels)),
        new Output(
            Backend.longsAt(correctOut),
            Backend.floatsAt(lossOut),
            Backend.floatsAt(entropyOut),
            new ClassSums(
                Backend.doublesAt(sumsOut),
                Backend.longsAt(countsOut),
                new IntPointer(slotIn.data_ptr()),
                slots),
            Backend.longsAt(nonfinite)),
        null);
    String what = backend + " " + dtype + " " + rows + "x" + cols;
    Tolerance.assertClose("loss " + what, Backend.hostFloats(lossOut), loss);
    Tolerance.assertClose("entropy " + what, Backend.hostFloats(entropyOut), entropy);
    Tolerance.assertClose("class sums " + what, Backend.hostDoubles(sumsOut), sums);
    assertThat(Backend.hostLongs(countsOut)).as(what).isEqualTo(counts);
    assertThat(Backend.hostLongs(correctOut)).as(what).containsExactly(1000 + correct);
    assertThat(Backend.hostLongs(nonfinite)).as(what).containsExactly(0);
  }

  private static long[] widen(int[] x) {
    return Arrays.stream(x).asLongStream().toArray();
  }

  private static int argmax(float[] x, int at, int cols) {
    int best = 0;
    for (int c = 1; c < cols; c++) {
      if (x[at + c] > x[at + best]) {
        best = c;
      }
    }
    return best;
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void aRowThatIsNotFiniteIsCountedAndLeftOut(Backend backend) {
    backend.assumeAvailable();
    for (int cols : new int[] {3, 33, 1001}) {
      try (PointerScope scope = new PointerScope()) {
        float[] logits = Cases.logits(4, cols, 12);
        Arrays.fill(logits, 0, cols, 0f);
        logits[cols - 1] = Float.NaN;
        logits[2 * cols + 1] = Float.POSITIVE_INFINITY;
        long[] labels = {cols - 1, 0, 1, 0};
        Placed placed = backend.matrix(logits, 4, cols, cols, DType.FLOAT32, 0);
        Tensor loss = backend.floats(new float[4]);
        Tensor sums = backend.zeroDoubles(cols * cols);
        Tensor counts = backend.longs(new long[cols]);
        Tensor counters = backend.longs(new long[2]);
        EvaluateLogits.run(
            placed.matrix(),
            Backend.longsAt(backend.longs(labels)),
            new Output(
                null,
                Backend.floatsAt(loss),
                null,
                new ClassSums(Backend.doublesAt(sums), Backend.longsAt(counts), null, cols),
                Backend.longsAt(counters)),
            null);
        float[] losses = Backend.hostFloats(loss);
        assertThat(losses[0]).isNaN();
        assertThat(losses[1]).isFinite();
        assertThat(losses[2]).isNaN();
        assertThat(losses[3]).isFinite();
        assertThat(Backend.hostLongs(counters)[0]).isEqualTo(2);
        assertThat(Arrays.stream(Backend.hostLongs(counts)).sum()).isEqualTo(2);
        assertThat(Arrays.stream(Backend.hostDoubles(sums)).sum())
            .isCloseTo(2, org.assertj.core.api.Assertions.within(1e-5));
      }
    }
  }

  @Test
  void classSumsHaveTheSameBitsForAnyNumberOfThreads() {
    int rows = 3000;
    int cols = 37;
    float[] logits = Cases.logits(rows, cols, 13);
    long[] labels = Cases.labels(rows, cols, 14);
    double[][] results = new double[2][cols * cols];
    for (int i = 0; i < 2; i++) {
      Kernels.setNumThreads(i == 0 ? 1 : 3);
      try (PointerScope scope = new PointerScope()) {
        DoublePointer sums = new DoublePointer(results[i]);
        LongPointer counts = new LongPointer(new long[cols]);
        EvaluateLogits.run(
            Matrix.of(new FloatPointer(logits), rows, cols),
            new LongPointer(labels),
            new Output(null, null, null, new ClassSums(sums, counts, null, cols), null),
            null);
        sums.get(results[i]);
      }
    }
    Kernels.setNumThreads(0);
    assertThat(results[1]).isEqualTo(results[0]);
    assertThat(Arrays.stream(results[0]).sum())
        .isCloseTo(rows, org.assertj.core.api.Assertions.within(1e-2));
  }

  @Test
  void eachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      Matrix m = Matrix.of(new FloatPointer(12), 3, 4);
      LongPointer labels = new LongPointer(0, 1, 2);
      FloatPointer two = new FloatPointer(2);
      refused(
          () -> EvaluateLogits.run(m, null, new Output(null, null, null, null, null), null),
          "labels is null");
      refused(
          () ->
              EvaluateLogits.run(
                  m, new LongPointer(2), new Output(null, null, null, null, null), null),
          "labels holds 2");
      refused(
          () ->
              EvaluateLogits.run(
                  m, new LongPointer(0, 4, 0), new Output(null, null, null, null, null), null),
          "the label of row 1 is 4; it must be 0 to 3");
      refused(
          () -> EvaluateLogits.run(m, labels, new Output(null, two, null, null, null), null),
          "loss holds 2");
      refused(
          () -> EvaluateLogits.run(m, labels, new Output(null, null, two, null, null), null),
          "entropy holds 2");
      ClassSums few = new ClassSums(new DoublePointer(12), new LongPointer(3), null, 3);
      refused(
          () -> EvaluateLogits.run(m, labels, new Output(null, null, null, few, null), null),
          "slots is 3");
      ClassSums small = new ClassSums(new DoublePointer(15), new LongPointer(4), null, 4);
      refused(
          () -> EvaluateLogits.run(m, labels, new Output(null, null, null, small, null), null),
          "class_sums holds 15");
      ClassSums noCounts = new ClassSums(new DoublePointer(16), null, null, 4);
      refused(
          () -> EvaluateLogits.run(m, labels, new Output(null, null, null, noCounts, null), null),
          "class_counts is null");
    }
  }

  private static void refused(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String text) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessageContaining(text);
  }
}
