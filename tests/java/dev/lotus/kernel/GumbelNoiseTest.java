package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.Backend.Placed;
import dev.lotus.kernel.Shapes.Shape;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GumbelNoiseTest {
  private static final long SEED = 0x0bad_cafe_1234_5678L;
  private static final int STEP = -3; // a word of the counter, not a number

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithPhiloxInJavaOnEveryShape(Backend backend) {
    backend.assumeAvailable();
    for (Shape shape : Shapes.all()) {
      for (int variant = 0; variant < 2; variant++) {
        try (PointerScope scope = new PointerScope()) {
          check(backend, shape.rows(), shape.cols(), Shapes.dtypeInTurn(shape, variant), variant);
        }
      }
    }
  }

  private static void check(Backend backend, int rows, int cols, DType dtype, int variant) {
    long[] samples = new long[rows];
    double[] expected = new double[rows * cols];
    int streamId = variant == 0 ? Philox.RETAIN_TARGET : 255;
    for (int b = 0; b < rows; b++) {
      samples[b] = variant == 0 ? b : (1L << 40) - 7L * b;
      for (int c = 0; c < cols; c++) {
        expected[b * cols + c] = Philox.gumbel(Philox.word(SEED, STEP, streamId, samples[b], c));
      }
    }
    Placed out = backend.matrix(new float[rows * cols], rows, cols, cols + 3 * variant, dtype, 9f);
    LongPointer given = variant == 0 ? null : Backend.longsAt(backend.longs(samples));
    GumbelNoise.run(SEED, STEP, streamId, given, out.matrix(), null);
    String what = backend + " " + dtype + " " + rows + "x" + cols;
    Tolerance.assertWithin("noise " + what, out.values(), expected, dtype);
    assertThat(out.gapsUntouched(9f)).as("memory between the rows, %s", what).isTrue();
  }

  /** Mean 0.5772, variance pi^2 / 6, of a million draws. */
  @Test
  void momentsAreThoseOfTheDistribution() {
    int n = 1_000_000;
    try (PointerScope scope = new PointerScope()) {
      FloatPointer out = new FloatPointer(n);
      GumbelNoise.run(5, 6, 4, null, Matrix.of(out, 1000, n / 1000), null);
      double sum = 0;
      double squares = 0;
      for (int i = 0; i < n; i++) {
        double g = out.get(i);
        sum += g;
        squares += g * g;
      }
      double mean = sum / n;
      assertThat(mean).isBetween(0.5772 - 0.006, 0.5772 + 0.006);
      assertThat(squares / n - mean * mean).isBetween(1.6449 - 0.015, 1.6449 + 0.015);
    }
  }

  @Test
  void bitsDoNotDependOnThreadsNorOnTheRestOfTheBatch() {
    int rows = 513;
    int cols = 101;
    float[][] results = new float[3][];
    for (int i = 0; i < 3; i++) {
      Kernels.setNumThreads(new int[] {1, 2, 5}[i]);
      results[i] = noise(rows, cols, null);
    }
    Kernels.setNumThreads(0);
    assertThat(results[1]).isEqualTo(results[0]);
    assertThat(results[2]).isEqualTo(results[0]);
    assertThat(noise(1, cols, new long[] {300}))
        .isEqualTo(java.util.Arrays.copyOfRange(results[0], 300 * cols, 301 * cols));
  }

  private static float[] noise(int rows, int cols, long[] samples) {
    try (PointerScope scope = new PointerScope()) {
      float[] result = new float[rows * cols];
      FloatPointer out = new FloatPointer((long) rows * cols);
      LongPointer given = samples == null ? null : new LongPointer(samples);
      GumbelNoise.run(SEED, STEP, 0, given, Matrix.of(out, rows, cols), null);
      out.get(result);
      return result;
    }
  }

  @Test
  void emptyBatchesAreAllowedAndEachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      FloatPointer memory = new FloatPointer(12);
      GumbelNoise.run(0, 0, 0, null, Matrix.of(memory, 0, 4), null);
      Matrix m = Matrix.of(memory, 3, 4);
      for (int streamId : new int[] {-1, 256}) {
        assertThatIllegalArgumentException()
            .isThrownBy(() -> GumbelNoise.run(0, 0, streamId, null, m, null))
            .withMessageContaining("stream_id is " + streamId);
      }
      assertThatIllegalArgumentException()
          .isThrownBy(() -> GumbelNoise.run(0, 0, 0, new LongPointer(2), m, null))
          .withMessageContaining("samples holds 2");
    }
  }
}
