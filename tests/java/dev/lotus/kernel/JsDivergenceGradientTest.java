package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.Backend.Placed;
import dev.lotus.kernel.JsDivergence.Form;
import dev.lotus.kernel.Shapes.Shape;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The gradient of {@link JsDivergence} against the chain rule written out in doubles. */
class JsDivergenceGradientTest {
  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithTheReferenceOnEveryShape(Backend backend) {
    backend.assumeAvailable();
    for (Shape shape : Shapes.all()) {
      for (Form form : Form.values()) {
        DType dtype = Shapes.dtypeInTurn(shape, form.ordinal());
        boolean inPlace = (shape.cols() + form.ordinal()) % 2 == 0;
        try (PointerScope scope = new PointerScope()) {
          check(backend, dtype, form, shape.rows(), shape.cols(), inPlace);
        }
      }
    }
  }

  private static void check(
      Backend backend, DType dtype, Form form, int rows, int cols, boolean inPlace) {
    float[] p = Cases.logits(rows, cols, 70 + rows);
    float[] q = Cases.logits(rows, cols, 71 + cols);
    int bad = rows > 6 ? 5 : -1;
    if (bad >= 0) {
      q[bad * cols] = Float.NaN;
    }
    // Largest entries near 1, whatever the form divides by.
    float scale =
        switch (form) {
          case TEXTBOOK -> rows;
          case UPSTREAM -> (float) rows * rows;
          case BAD_TEACHING -> (float) rows * cols;
        };
    boolean[] unsure = new boolean[rows];
    double[] reference =
        reference(
            Cases.rounded(p, dtype), Cases.rounded(q, dtype), form, rows, cols, bad, scale, unsure);

    Placed pm = backend.matrix(p, rows, cols, cols + 2, dtype, 3f);
    Placed qm = backend.matrix(q, rows, cols, cols, dtype, 3f);
    Placed out =
        inPlace ? pm : backend.matrix(new float[rows * cols], rows, cols, cols + 1, dtype, 3f);
    Tensor rowOut = backend.zeroDoubles(rows);
    Tensor workspace = backend.zeroDoubles(3 * rows + 3);
    Tensor nonfinite = backend.longs(new long[1]);
    JsDivergence.gradient(
        pm.matrix(),
        qm.matrix(),
        form,
        Backend.doublesAt(rowOut),
        null,
        form == Form.UPSTREAM ? Backend.doublesAt(workspace) : null,
        out.matrix(),
        scale,
        Backend.longsAt(nonfinite),
        null);
    String what = backend + " " + form + " " + dtype + " " + rows + "x" + cols;
    float[] actual = out.values();
    for (int b = 0; b < rows; b++) {
      for (int c = 0; c < cols && unsure[b]; c++) {
        actual[b * cols + c] = 0;
        reference[b * cols + c] = 0;
      }
    }
    Tolerance.assertWithin(what, actual, reference, dtype);
    assertThat(out.gapsUntouched(3f)).as(what).isTrue();
    assertThat(Backend.hostLongs(nonfinite)).as(what).containsExactly(bad >= 0 ? 1 : 0);
  }

  /** {@code unsure} marks rows with a probability at the clamp's edge up to rounding. */
  private static double[] reference(
      float[] x, float[] y, Form form, int rows, int cols, int bad, float scale, boolean[] unsure) {
    double[][] p = new double[rows][];
    double[][] q = new double[rows][];
    double pSum = 0;
    double qSum = 0;
    for (int b = 0; b < rows; b++) {
      p[b] = Reference.softmax(x, b * cols, cols);
      q[b] = Reference.softmax(y, b * cols, cols);
      for (int c = 0; c < cols && b != bad; c++) {
        pSum += Reference.clamp(p[b][c]);
        qSum += Reference.clamp(q[b][c]);
        unsure[b] |= form != Form.TEXTBOOK && Math.abs(p[b][c] - 1e-8f) < 1e-13;
      }
    }
    boolean whole = form == Form.UPSTREAM;
    double[][] slope = new double[rows][cols];
    double mean = 0;
    for (int b = 0; b < rows; b++) {
      for (int c = 0; c < cols && b != bad; c++) {
        if (form == Form.TEXTBOOK) {
          double m = (p[b][c] + q[b][c]) / 2;
          slope[b][c] = p[b][c] > 0 ? 0.5 * Math.log(p[b][c] / m) : 0;
          continue;
        }
        double a = Reference.clamp(p[b][c]) / (whole ? pSum : 1);
        double m = (a + Reference.clamp(q[b][c]) / (whole ? qSum : 1)) / 2;
        // d/da of m log m - m (log a + log b) / 2, where m holds a half of a.
        slope[b][c] = 0.5 * Math.log(m / Math.sqrt(a * (2 * m - a))) + 0.5 - m / (2 * a);
        mean += a * slope[b][c];
      }
    }
    double factor = scale / (form == Form.BAD_TEACHING ? (double) rows * cols : rows);
    double[] gradient = new double[rows * cols];
    for (int b = 0; b < rows; b++) {
      double rowMean = 0;
      for (int c = 0; c < cols; c++) {
        slope[b][c] = whole ? (slope[b][c] - mean) / pSum : slope[b][c];
        slope[b][c] = form != Form.TEXTBOOK && p[b][c] < 1e-8f ? 0 : slope[b][c];
        rowMean += p[b][c] * slope[b][c];
      }
      for (int c = 0; c < cols; c++) {
        gradient[b * cols + c] =
            b == bad ? Double.NaN : factor * p[b][c] * (slope[b][c] - rowMean);
      }
    }
    return gradient;
  }

  @Test
  void equalMatricesHaveNoGradient() {
    try (PointerScope scope = new PointerScope()) {
      float[] logits = Cases.logits(12, 33, 5);
      for (Form form : Form.values()) {
        FloatPointer out = new FloatPointer(12 * 33);
        JsDivergence.gradient(
            Matrix.of(new FloatPointer(logits), 12, 33),
            Matrix.of(new FloatPointer(logits), 12, 33),
            form,
            new DoublePointer(12),
            null,
            new DoublePointer(39),
            Matrix.of(out, 12, 33),
            1f,
            null,
            null);
        for (int i = 0; i < 12 * 33; i++) {
          assertThat(out.get(i)).as("%s [%d]", form, i).isZero();
        }
      }
    }
  }

  @Test
  void eachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      FloatPointer memory = new FloatPointer(15);
      Matrix p = Matrix.of(memory, 3, 4);
      Matrix q = Matrix.of(new FloatPointer(12), 3, 4);
      refused(p, q, null, 1, "gradient is null");
      refused(p, q, Matrix.of(new FloatPointer(12), 4, 3), 1, "gradient is FLOAT32[4, 3]");
      refused(p, q, q, 1, "gradient is q");
      refused(p, q, Matrix.of(memory, 3, 4, 5), 1, "its stride is 5 where p's is 4");
      refused(p, q, p, Float.NaN, "gradient_scale is NaN");
    }
  }

  private static void refused(Matrix p, Matrix q, Matrix gradient, float scale, String text) {
    ThrowingCallable call =
        () ->
            JsDivergence.gradient(
                p, q, Form.TEXTBOOK, new DoublePointer(3), null, null, gradient, scale, null, null);
    assertThatIllegalArgumentException().isThrownBy(call).withMessageContaining(text);
  }
}
