package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.kernel.Backend.Placed;
import dev.lotus.kernel.Distillation.Output;
import dev.lotus.kernel.Distillation.Reduction;
import dev.lotus.kernel.Distillation.Teachers;
import dev.lotus.kernel.Shapes.Shape;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.javacpp.ShortPointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class DistillationTest {
  record Variant(
      Backend backend,
      int turn,
      double temperature,
      boolean two,
      boolean signed,
      boolean inPlace,
      boolean accumulate) {}

  static Stream<Variant> variants() {
    return Backend.all().stream()
        .flatMap(
            b ->
                Stream.of(
                    new Variant(b, 0, 1, false, false, false, false),
                    new Variant(b, 1, 4, true, true, true, false),
                    new Variant(b, 2, 0.5, true, false, false, true),
                    new Variant(b, 3, 2, false, true, false, true)));
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
    float[] student = Cases.logits(rows, cols, 30 + rows);
    float[] teacher = Cases.logits(rows, cols, 31 + cols);
    float[] other = Cases.logits(rows, cols, 32);
    Cases.maskLike(student, teacher);
    Cases.maskLike(other, teacher);
    byte[] flags = Cases.flags(rows, 33);
    SplittableRandom random = new SplittableRandom(34);
    float[] before = new float[rows * cols];
    for (int i = 0; i < before.length; i++) {
      before[i] = (float) random.nextDouble();
    }
    float[] s = Cases.rounded(student, dtype);
    float[] t = Cases.rounded(teacher, dtype);
    float[] o = Cases.rounded(other, dtype);
    float[] held = Cases.rounded(before, dtype);
    float[] rowWeight = new float[rows];
    double[] loss = new double[rows];
    double[] gradient = new double[rows * cols];
    for (int b = 0; b < rows; b++) {
      rowWeight[b] = !v.signed() ? 1 : b % 2 == 0 ? -1 : 0.5f;
      float[] followed = v.two() && flags[b] != 0 ? o : t;
      double[] p = Reference.softmax(tempered(followed, b, cols, v.temperature()));
      double[] q = Reference.softmax(tempered(s, b, cols, v.temperature()));
      loss[b] = divergence(p, q);
      for (int c = 0; c < cols; c++) {
        int i = b * cols + c;
        gradient[i] =
            (v.accumulate() ? held[i] : 0) + 0.5 * rowWeight[b] * (q[c] - p[c]) / v.temperature();
      }
    }

    Backend backend = v.backend();
    Placed sm = backend.matrix(student, rows, cols, cols + v.turn(), dtype, 9f);
    Placed tm = backend.matrix(teacher, rows, cols, cols + 1, dtype, 9f);
    Placed om = backend.matrix(other, rows, cols, cols, dtype, 9f);
    Placed gm = v.inPlace() ? sm : backend.matrix(before, rows, cols, cols + 2, dtype, 9f);
    Tensor lossOut = backend.floats(new float[rows]);
    Tensor nonfinite = backend.longs(new long[] {0});
    Teachers teachers =
        v.two()
            ? new Teachers(tm.matrix(), om.matrix(), Backend.bytesAt(backend.bytes(flags)))
            : Teachers.one(tm.matrix());
    Distillation.run(
        sm.matrix(),
        teachers,
        v.temperature(),
        v.signed() ? Backend.floatsAt(backend.floats(rowWeight)) : null,
        new Output(
            Backend.floatsAt(lossOut),
            gm.matrix(),
            0.5f,
            v.accumulate(),
            Backend.longsAt(nonfinite)),
        null);
    String what = v + " " + dtype + " " + rows + "x" + cols;
    Tolerance.assertClose("loss " + what, Backend.hostFloats(lossOut), loss);
    Tolerance.assertWithin("gradient " + what, gm.values(), gradient, dtype);
    assertThat(Backend.hostLongs(nonfinite)).as(what).containsExactly(0);
    assertThat(gm.gapsUntouched(9f)).as("memory between the rows, %s", what).isTrue();
  }

  private static double[] tempered(float[] x, int b, int cols, double temperature) {
    double[] z = new double[cols];
    for (int c = 0; c < cols; c++) {
      z[c] = x[b * cols + c] / temperature;
    }
    return z;
  }

  private static double divergence(double[] p, double[] q) {
    double sum = 0;
    for (int c = 0; c < p.length; c++) {
      sum += p[c] > 0 ? p[c] * (Math.log(p[c]) - Math.log(q[c])) : 0;
    }
    return sum;
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void aRowThatIsNotFiniteHarmsNoOther(Backend backend) {
    backend.assumeAvailable();
    for (int cols : new int[] {1, 10, 33, 1001}) {
      try (PointerScope scope = new PointerScope()) {
        float[] student = new float[6 * cols];
        float[] teacher = Cases.logits(6, cols, 35);
        float[] other = teacher.clone();
        student[cols / 2] = Float.NaN;
        teacher[2 * cols + cols - 1] = Float.POSITIVE_INFINITY;
        Arrays.fill(student, 3 * cols, 4 * cols, Float.NEGATIVE_INFINITY);
        other[4 * cols] = Float.NaN; // row 4 follows it, row 5 does not
        other[5 * cols] = Float.NaN;
        Placed s = backend.matrix(student, 6, cols, cols, DType.FLOAT32, 0);
        Placed t = backend.matrix(teacher, 6, cols, cols, DType.FLOAT32, 0);
        Placed o = backend.matrix(other, 6, cols, cols, DType.FLOAT32, 0);
        Placed g = backend.matrix(new float[6 * cols], 6, cols, cols, DType.FLOAT32, 0);
        Tensor loss = backend.floats(new float[6]);
        Tensor nonfinite = backend.longs(new long[] {100});
        Tensor flags = backend.bytes(new byte[] {0, 1, 0, 0, 1, 0});
        Distillation.run(
            s.matrix(),
            new Teachers(t.matrix(), o.matrix(), Backend.bytesAt(flags)),
            2,
            null,
            new Output(Backend.floatsAt(loss), g.matrix(), 1f, false, Backend.longsAt(nonfinite)),
            null);
        float[] losses = Backend.hostFloats(loss);
        for (int b = 0; b < 6; b++) {
          boolean bad = b == 0 || b == 2 || b == 3 || b == 4;
          assertThat(Float.isNaN(losses[b])).as("loss of row %d", b).isEqualTo(bad);
          for (int c = 0; c < cols; c++) {
            assertThat(Float.isNaN(g.values()[b * cols + c])).as("%d,%d", b, c).isEqualTo(bad);
          }
        }
        assertThat(Backend.hostLongs(nonfinite)).containsExactly(104);
      }
    }
  }

  @Test
  void masksOfTheTeacherAddNothingMasksOfTheStudentAloneAreInfinite() {
    try (PointerScope scope = new PointerScope()) {
      float inf = Float.NEGATIVE_INFINITY;
      FloatPointer s = new FloatPointer(0, 0, inf, 0, 0, inf);
      FloatPointer t = new FloatPointer(0, inf, inf, 0, 0, 0);
      FloatPointer loss = new FloatPointer(2);
      FloatPointer g = new FloatPointer(6);
      Distillation.run(
          Matrix.of(s, 2, 3),
          Teachers.one(Matrix.of(t, 2, 3)),
          1,
          null,
          new Output(loss, Matrix.of(g, 2, 3), 1f, false, null),
          null);
      assertThat(loss.get(0)).isCloseTo((float) Math.log(2), within(1e-6f));
      assertThat(loss.get(1)).isEqualTo(Float.POSITIVE_INFINITY);
      assertThat(g.get(0)).isCloseTo(-0.5f, within(1e-6f));
      assertThat(g.get(1)).isCloseTo(0.5f, within(1e-6f));
      assertThat(g.get(2)).as("masked on both sides").isZero();
    }
  }

  /** 1e-4 apart the divergence is 1e-9: the difference of two entropies would be noise in fp32. */
  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void nothingIsLostWhereStudentAndTeacherNearlyAgree(Backend backend) {
    backend.assumeAvailable();
    try (PointerScope scope = new PointerScope()) {
      int cols = 1000;
      SplittableRandom random = new SplittableRandom(36);
      float[] teacher = new float[2 * cols];
      float[] student = new float[2 * cols];
      for (int i = 0; i < 2 * cols; i++) {
        teacher[i] = (float) (4 * random.nextDouble());
        student[i] = teacher[i] + (i < cols ? (float) (3e-4 * (random.nextDouble() - 0.5)) : 0f);
      }
      Placed s = backend.matrix(student, 2, cols, cols, DType.FLOAT32, 0);
      Placed t = backend.matrix(teacher, 2, cols, cols, DType.FLOAT32, 0);
      Tensor loss = backend.floats(new float[2]);
      Distillation.run(
          s.matrix(),
          Teachers.one(t.matrix()),
          1,
          null,
          new Output(Backend.floatsAt(loss), s.matrix(), 1f, false, null),
          null);
      double reference =
          divergence(
              Reference.softmax(tempered(teacher, 0, cols, 1)),
              Reference.softmax(tempered(student, 0, cols, 1)));
      float[] actual = Backend.hostFloats(loss);
      assertThat(reference).isBetween(1e-9, 1e-8);
      assertThat((double) actual[0]).isCloseTo(reference, within(2e-3 * reference));
      assertThat(actual[1]).as("equal").isZero();
      for (float g : Arrays.copyOfRange(s.values(), cols, 2 * cols)) {
        assertThat(Math.abs(g)).as("gradient of the equal row").isZero();
      }
    }
  }

  @Test
  void publishedReductions() {
    assertThat(Reduction.SCRUB.scale(8, 10, 4)).isEqualTo(16.0 / 8);
    assertThat(Reduction.BAD_TEACHER.scale(8, 10, 4)).isEqualTo(1.0 / 80);
    assertThat(Reduction.BATCH_MEAN.scale(8, 10, 4)).isEqualTo(1.0 / 8);
    // B C beyond 2^63 is no overflow.
    assertThat(Reduction.BAD_TEACHER.scale(1L << 40, 1L << 30, 1)).isEqualTo(0x1p-70);
  }

  @Test
  void bitsDoNotDependOnThreads() {
    int rows = 513;
    int cols = 101;
    float[] student = Cases.logits(rows, cols, 37);
    float[] teacher = Cases.logits(rows, cols, 38);
    float[][] results = new float[3][rows * cols];
    for (int i = 0; i < 3; i++) {
      Kernels.setNumThreads(new int[] {1, 2, 5}[i]);
      try (PointerScope scope = new PointerScope()) {
        FloatPointer g = new FloatPointer(results[i]);
        Distillation.run(
            Matrix.of(new FloatPointer(student), rows, cols),
            Teachers.one(Matrix.of(new FloatPointer(teacher), rows, cols)),
            3,
            null,
            new Output(null, Matrix.of(g, rows, cols), 1f, false, null),
            null);
        g.get(results[i]);
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
      Distillation.run(m, Teachers.one(m), 1, null, new Output(none, null, 1f, false, null), null);
      assertThat(none.get()).isEqualTo(7);
    }
  }

  @Test
  void eachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      Matrix m = Matrix.of(new FloatPointer(12), 3, 4);
      Matrix like = Matrix.of(new FloatPointer(12), 3, 4);
      Matrix narrow = Matrix.of(new FloatPointer(9), 3, 3);
      Matrix half = Matrix.ofFloat16(new ShortPointer(12), 3, 4, 4);
      BytePointer flags = new BytePointer(3);
      FloatPointer two = new FloatPointer(2);
      Teachers one = Teachers.one(like);
      Output out = new Output(new FloatPointer(3), null, 1f, false, null);
      refused(m, Teachers.one(narrow), 1, null, out, "teacher is FLOAT32[3, 3]");
      refused(m, Teachers.one(half), 1, null, out, "teacher is FLOAT16");
      refused(m, new Teachers(like, narrow, flags), 1, null, out, "other_teacher is FLOAT32[3, 3]");
      refused(m, new Teachers(like, like, null), 1, null, out, "use_other is null");
      refused(m, new Teachers(like, null, flags), 1, null, out, "other_teacher is null");
      refused(m, new Teachers(like, like, new BytePointer(2)), 1, null, out, "use_other holds 2");
      for (double t : new double[] {0, -1, Double.NaN, Double.POSITIVE_INFINITY, 1e-60}) {
        refused(m, one, t, null, out, "temperature is " + t);
      }
      refused(m, one, 1, two, out, "row_weight holds 2");
      refused(m, one, 1, null, new Output(two, null, 1f, false, null), "loss holds 2");
      refused(m, one, 1, null, new Output(null, narrow, 1f, false, null), "gradient is");
      refused(m, one, 1, null, new Output(null, null, 1f, false, null), "nothing to compute");
      refused(m, one, 1, null, new Output(null, m, 1f, true, null), "accumulate is set");
      refused(
          m,
          one,
          1,
          null,
          new Output(null, like, 1f, false, new LongPointer(2).position(2)),
          "nonfinite_rows holds 0");
      FloatPointer wide = new FloatPointer(20);
      refused(
          Matrix.of(wide, 3, 4, 5),
          one,
          1,
          null,
          new Output(null, Matrix.of(wide, 3, 4, 6), 1f, false, null),
          "in place of student, but its stride is 6");
    }
  }

  private static void refused(
      Matrix student,
      Teachers teachers,
      double temperature,
      FloatPointer rowWeight,
      Output out,
      String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Distillation.run(student, teachers, temperature, rowWeight, out, null))
        .withMessageContaining(text);
  }
}
