package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.kernel.Backend.Placed;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.Noise;
import dev.lotus.kernel.GumbelCrossEntropy.Output;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.kernel.Shapes.Shape;
import java.util.Arrays;
import java.util.stream.Stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GumbelCrossEntropyTest {
  private static final long SEED = 0x5eed_0001_0000_0007L;
  private static final int STEP = 41;

  /** Everything that a run of the contract varies beside its shape. */
  record Variant(
      Backend backend,
      DType dtype,
      ForgetTarget forget,
      RetainTarget retain,
      boolean inPlace,
      boolean readyNoise,
      double tau) {}

  static Stream<Variant> variants() {
    return Backend.all().stream()
        .flatMap(
            b ->
                Stream.of(
                    new Variant(
                        b,
                        DType.FLOAT32,
                        ForgetTarget.GUMBEL_SOFTMAX,
                        RetainTarget.GUMBEL_HARD,
                        false,
                        false,
                        2.05),
                    new Variant(
                        b,
                        DType.FLOAT32,
                        ForgetTarget.GUMBEL_SOFTMAX,
                        RetainTarget.GUMBEL_HARD,
                        true,
                        true,
                        0.5),
                    new Variant(
                        b,
                        DType.FLOAT32,
                        ForgetTarget.SOFTMAX,
                        RetainTarget.ARGMAX,
                        true,
                        false,
                        8),
                    new Variant(
                        b,
                        DType.BFLOAT16,
                        ForgetTarget.GUMBEL_SOFTMAX,
                        RetainTarget.GUMBEL_HARD,
                        true,
                        false,
                        1),
                    new Variant(
                        b,
                        DType.BFLOAT16,
                        ForgetTarget.SOFTMAX,
                        RetainTarget.GUMBEL_HARD,
                        false,
                        true,
                        3),
                    new Variant(
                        b,
                        DType.FLOAT16,
                        ForgetTarget.GUMBEL_SOFTMAX,
                        RetainTarget.ARGMAX,
                        true,
                        false,
                        2)));
  }

  @ParameterizedTest
  @MethodSource("variants")
  void agreesWithTheReferenceOnEveryShape(Variant v) {
    v.backend().assumeAvailable();
    for (Shape shape : Shapes.all()) {
      try (PointerScope scope = new PointerScope()) {
        check(v, shape.rows(), shape.cols());
      }
    }
  }

  private static void check(Variant v, int rows, int cols) {
    float[] student = Cases.logits(rows, cols, 1 + rows);
    float[] teacher = Cases.logits(rows, cols, 2 + cols);
    Cases.maskLike(student, teacher);
    byte[] flags = Cases.flags(rows, 3);
    long[] samples = new long[rows];
    for (int b = 0; b < rows; b++) {
      samples[b] = (1L << 32) + 17L * b;
    }
    float[] s = Cases.rounded(student, v.dtype());
    float[] t = Cases.rounded(teacher, v.dtype());

    double[] loss = new double[rows];
    double[] gradient = new double[rows * cols];
    boolean[] tie = new boolean[rows];
    float[] ready = new float[rows * cols];
    for (int b = 0; b < rows; b++) {
      boolean forget = flags[b] != 0;
      boolean draws =
          forget
              ? v.forget() == ForgetTarget.GUMBEL_SOFTMAX
              : v.retain() == RetainTarget.GUMBEL_HARD;
      double[] g = new double[cols];
      double[] score = new double[cols];
      for (int c = 0; c < cols; c++) {
        int stream = forget ? Philox.FORGET_TARGET : Philox.RETAIN_TARGET;
        double drawn = Philox.gumbel(Philox.word(SEED, STEP, stream, samples[b], c));
        ready[b * cols + c] = (float) drawn;
        g[c] = !draws ? 0 : v.readyNoise() ? (float) drawn : drawn;
        score[c] = t[b * cols + c] + g[c];
      }
      tie[b] = !forget && draws && Reference.margin(score) < 4e-5;
      double[] target = Reference.target(t, b * cols, cols, forget, g, v.tau());
      double[] p = Reference.softmax(s, b * cols, cols);
      loss[b] = Reference.crossEntropy(s, b * cols, cols, target);
      for (int c = 0; c < cols; c++) {
        gradient[b * cols + c] = 0.5 * (p[c] - target[c]);
      }
    }
    int ties = 0;
    for (boolean x : tie) {
      ties += x ? 1 : 0;
    }
    assertThat(ties).as("rows whose argmax rounding may decide").isLessThanOrEqualTo(1 + rows / 50);

    Backend backend = v.backend();
    int stride = cols + (v.inPlace() ? 0 : 3);
    Placed sm = backend.matrix(student, rows, cols, stride, v.dtype(), 9f);
    Placed tm = backend.matrix(teacher, rows, cols, cols + 1, v.dtype(), 9f);
    Placed gm =
        v.inPlace()
            ? sm
            : backend.matrix(new float[rows * cols], rows, cols, cols + 2, v.dtype(), 9f);
    Placed noise = backend.matrix(ready, rows, cols, cols, DType.FLOAT32, 0f);
    Tensor lossOut = backend.floats(new float[rows]);
    Tensor nonfinite = backend.longs(new long[] {0});
    // Every other variant takes step and temperature from memory, and the arguments are wrong.
    Tensor draw =
        v.inPlace()
            ? backend.floats(new float[] {Float.intBitsToFloat(STEP), (float) v.tau()})
            : null;
    new GumbelCrossEntropy(v.forget(), v.retain())
        .run(
            sm.matrix(),
            tm.matrix(),
            Backend.bytesAt(backend.bytes(flags)),
            draw == null ? v.tau() : 1e6,
            new Noise(
                SEED,
                draw == null ? STEP : 0,
                Backend.longsAt(backend.longs(samples)),
                v.readyNoise() ? noise.matrix() : null),
            new Output(Backend.floatsAt(lossOut), gm.matrix(), 0.5f, Backend.longsAt(nonfinite)),
            draw == null ? null : draw.data_ptr(),
            null);

    float[] lossActual = Backend.hostFloats(lossOut);
    float[] gradientActual = gm.values();
    for (int b = 0; b < rows; b++) {
      if (tie[b]) {
        lossActual[b] = (float) loss[b];
        for (int c = 0; c < cols; c++) {
          gradientActual[b * cols + c] = (float) gradient[b * cols + c];
        }
      }
    }
    String what = v + " " + rows + "x" + cols;
    Tolerance.assertClose("loss " + what, lossActual, loss);
    Tolerance.assertWithin("gradient " + what, gradientActual, gradient, v.dtype());
    assertThat(Backend.hostLongs(nonfinite)).as(what).containsExactly(0);
    assertThat(gm.gapsUntouched(9f)).as("memory between the rows, %s", what).isTrue();
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void aRowThatIsNotFiniteHarmsNoOther(Backend backend) {
    backend.assumeAvailable();
    for (int cols : new int[] {1, 10, 33, 1001}) {
      for (boolean forget : new boolean[] {true, false}) {
        try (PointerScope scope = new PointerScope()) {
          int rows = 7;
          float[] student = Cases.logits(rows, cols, 5);
          float[] teacher = Cases.logits(rows, cols, 6);
          Cases.maskLike(student, teacher);
          teacher[cols / 2] = Float.NaN; // row 0
          student[2 * cols + cols / 3] = Float.NaN;
          teacher[3 * cols] = Float.POSITIVE_INFINITY;
          Arrays.fill(student, 5 * cols, 6 * cols, Float.NEGATIVE_INFINITY);
          byte[] flags = new byte[rows];
          Arrays.fill(flags, (byte) (forget ? 1 : 0));
          Placed s = backend.matrix(student, rows, cols, cols, DType.FLOAT32, 0);
          Placed t = backend.matrix(teacher, rows, cols, cols, DType.FLOAT32, 0);
          Placed g = backend.matrix(new float[rows * cols], rows, cols, cols, DType.FLOAT32, 0);
          Tensor loss = backend.floats(new float[rows]);
          Tensor nonfinite = backend.longs(new long[] {100});
          new GumbelCrossEntropy(ForgetTarget.GUMBEL_SOFTMAX, RetainTarget.GUMBEL_HARD)
              .run(
                  s.matrix(),
                  t.matrix(),
                  Backend.bytesAt(backend.bytes(flags)),
                  1.5,
                  Noise.of(1, 2),
                  new Output(Backend.floatsAt(loss), g.matrix(), 1f, Backend.longsAt(nonfinite)),
                  null);
          float[] losses = Backend.hostFloats(loss);
          float[] gradients = g.values();
          for (int b = 0; b < rows; b++) {
            boolean bad = b == 0 || b == 2 || b == 3 || b == 5;
            assertThat(Float.isNaN(losses[b]))
                .as("loss of row %d of %d classes", b, cols)
                .isEqualTo(bad);
            for (int c = 0; c < cols; c++) {
              assertThat(Float.isNaN(gradients[b * cols + c]))
                  .as("gradient %d,%d", b, c)
                  .isEqualTo(bad);
            }
          }
          assertThat(Backend.hostLongs(nonfinite)).containsExactly(104);
        }
      }
    }
  }

  @Test
  void maskedClassesGetNoGradient() {
    try (PointerScope scope = new PointerScope()) {
      float inf = Float.NEGATIVE_INFINITY;
      FloatPointer s = new FloatPointer(1, inf, 2, inf);
      FloatPointer t = new FloatPointer(0, inf, 1, inf);
      FloatPointer g = new FloatPointer(4);
      FloatPointer loss = new FloatPointer(1);
      new GumbelCrossEntropy(ForgetTarget.GUMBEL_SOFTMAX, RetainTarget.GUMBEL_HARD)
          .run(
              Matrix.of(s, 1, 4),
              Matrix.of(t, 1, 4),
              new BytePointer((byte) 1),
              2,
              Noise.of(3, 0),
              new Output(loss, Matrix.of(g, 1, 4), 1f, null),
              null);
      assertThat(loss.get()).isFinite();
      assertThat(g.get(1)).isZero();
      assertThat(g.get(3)).isZero();
      assertThat(g.get(0) + g.get(2)).isCloseTo(0f, org.assertj.core.api.Assertions.within(1e-6f));
    }
  }

  @Test
  void bitsDoNotDependOnThreadsNorOnTheRestOfTheBatch() {
    int rows = 513;
    int cols = 101;
    float[] student = Cases.logits(rows, cols, 7);
    float[] teacher = Cases.logits(rows, cols, 8);
    Cases.maskLike(student, teacher);
    float[][] results = new float[3][];
    int[] threads = {1, 2, 5};
    for (int i = 0; i < threads.length; i++) {
      Kernels.setNumThreads(threads[i]);
      results[i] = gradient(student, teacher, rows, cols, 0);
    }
    Kernels.setNumThreads(0);
    assertThat(results[1]).isEqualTo(results[0]);
    assertThat(results[2]).isEqualTo(results[0]);
    // The second half alone, with its own positions, draws the same noise.
    int from = 256;
    float[] half =
        gradient(
            Arrays.copyOfRange(student, from * cols, rows * cols),
            Arrays.copyOfRange(teacher, from * cols, rows * cols),
            rows - from,
            cols,
            from);
    assertThat(half).isEqualTo(Arrays.copyOfRange(results[0], from * cols, rows * cols));
  }

  private static float[] gradient(
      float[] student, float[] teacher, int rows, int cols, int firstSample) {
    try (PointerScope scope = new PointerScope()) {
      byte[] flags = new byte[rows];
      long[] samples = new long[rows];
      for (int b = 0; b < rows; b++) {
        flags[b] = (byte) ((firstSample + b) % 2);
        samples[b] = firstSample + b;
      }
      FloatPointer out = new FloatPointer((long) rows * cols);
      new GumbelCrossEntropy(ForgetTarget.GUMBEL_SOFTMAX, RetainTarget.GUMBEL_HARD)
          .run(
              Matrix.of(new FloatPointer(student), rows, cols),
              Matrix.of(new FloatPointer(teacher), rows, cols),
              new BytePointer(flags),
              1.9,
              new Noise(99, 4, new org.bytedeco.javacpp.LongPointer(samples), null),
              new Output(null, Matrix.of(out, rows, cols), 1f, null),
              null);
      float[] result = new float[rows * cols];
      out.get(result);
      return result;
    }
  }

  /**
   * The published code draws a sample of the teacher's softmax for each retain row: argmax(t + g)
   * must follow it.
   */
  @Test
  void retainTargetsFollowTheTeachersDistribution() {
    int n = 40_000;
    float[] t = {1.0f, 0.0f, -1.0f, 2.0f};
    try (PointerScope scope = new PointerScope()) {
      FloatPointer teacher = new FloatPointer(4L * n);
      FloatPointer student = new FloatPointer(4L * n);
      for (int i = 0; i < 4 * n; i++) {
        teacher.put(i, t[i % 4]);
        student.put(i, 0f);
      }
      FloatPointer g = new FloatPointer(4L * n);
      new GumbelCrossEntropy(ForgetTarget.GUMBEL_SOFTMAX, RetainTarget.GUMBEL_HARD)
          .run(
              Matrix.of(student, n, 4),
              Matrix.of(teacher, n, 4),
              new BytePointer(new byte[n]),
              1,
              Noise.of(8, 8),
              new Output(null, Matrix.of(g, n, 4), 1f, null),
              null);
      double[] p = Reference.softmax(t, 0, 4);
      double chi2 = 0;
      for (int c = 0; c < 4; c++) {
        int hits = 0;
        for (int b = 0; b < n; b++) {
          hits += g.get(4L * b + c) < 0 ? 1 : 0;
        }
        chi2 += (hits - n * p[c]) * (hits - n * p[c]) / (n * p[c]);
      }
      assertThat(chi2).as("chi-square, 3 degrees of freedom").isLessThan(20);
    }
  }
}
