package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.kernel.Backend.Placed;
import dev.lotus.kernel.JsDivergence.Form;
import dev.lotus.kernel.JsDivergence.Input;
import dev.lotus.kernel.Shapes.Shape;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class JsDivergenceTest {
  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithTheReferenceOnEveryShape(Backend backend) {
    backend.assumeAvailable();
    for (Shape shape : Shapes.all()) {
      for (Form form : Form.values()) {
        DType dtype = Shapes.dtypeInTurn(shape, form.ordinal());
        for (Input input : Input.values()) {
          try (PointerScope scope = new PointerScope()) {
            check(backend, dtype, input, form, shape.rows(), shape.cols());
          }
        }
      }
    }
  }

  private static void check(
      Backend backend, DType dtype, Input input, Form form, int rows, int cols) {
    float[] p = Cases.logits(rows, cols, 20 + rows);
    float[] q = Cases.logits(rows, cols, 21 + cols);
    if (input == Input.PROBABILITIES) {
      // Zeros and rows that do not sum to one, as stored probabilities have them.
      p = probabilities(p, rows, cols, 0.7);
      q = probabilities(q, rows, cols, 1.0);
    }
    float[] a = Cases.rounded(p, dtype);
    float[] b = Cases.rounded(q, dtype);
    double[][] pp = new double[rows][];
    double[][] qq = new double[rows][];
    double pNorm = 0;
    double qNorm = 0;
    for (int r = 0; r < rows; r++) {
      pp[r] = row(a, r, cols, input);
      qq[r] = row(b, r, cols, input);
      for (int c = 0; c < cols; c++) {
        pNorm += Reference.clamp(pp[r][c]);
        qNorm += Reference.clamp(qq[r][c]);
      }
    }
    double[] reference = new double[rows];
    double total = 0;
    for (int r = 0; r < rows; r++) {
      reference[r] =
          switch (form) {
            case TEXTBOOK -> Reference.jsdTextbook(pp[r], qq[r]);
            case UPSTREAM -> Reference.jsdUpstream(pp[r], qq[r], pNorm, qNorm);
            case BAD_TEACHING -> Reference.jsdUpstream(pp[r], qq[r], 1, 1);
          };
      total += reference[r];
    }
    total /= form == Form.BAD_TEACHING ? (double) rows * cols : rows;

    Placed pm = backend.matrix(p, rows, cols, cols + 1, dtype, 3f);
    Placed qm = backend.matrix(q, rows, cols, cols, dtype, 3f);
    Tensor rowOut = backend.zeroDoubles(rows);
    Tensor totalOut = backend.zeroDoubles(1);
    Tensor workspace = backend.zeroDoubles(3 * rows + 3);
    Tensor nonfinite = backend.longs(new long[1]);
    JsDivergence.run(
        pm.matrix(),
        qm.matrix(),
        input,
        form,
        Backend.doublesAt(rowOut),
        Backend.doublesAt(totalOut),
        Backend.doublesAt(workspace),
        Backend.longsAt(nonfinite),
        null);
    String what = backend + " " + form + " " + input + " " + dtype + " " + rows + "x" + cols;
    Tolerance.assertClose(what, Backend.hostDoubles(rowOut), reference);
    double[] totalActual = Backend.hostDoubles(totalOut);
    assertThat(totalActual[0]).as(what).isCloseTo(total, within(1e-9 + 1e-5 * Math.abs(total)));
    assertThat(Backend.hostLongs(nonfinite)).as(what).containsExactly(0);
  }

  private static double[] row(float[] x, int r, int cols, Input input) {
    if (input == Input.LOGITS) {
      return Reference.softmax(x, r * cols, cols);
    }
    double[] p = new double[cols];
    for (int c = 0; c < cols; c++) {
      p[c] = x[r * cols + c];
    }
    return p;
  }

  private static float[] probabilities(float[] logits, int rows, int cols, double mass) {
    float[] p = new float[rows * cols];
    for (int r = 0; r < rows; r++) {
      double[] s = Reference.softmax(logits, r * cols, cols);
      for (int c = 0; c < cols; c++) {
        p[r * cols + c] = (float) (s[c] * mass);
      }
    }
    return p;
  }

  /**
   * Where p and q nearly agree the plain formula loses every digit; the published tables live
   * there.
   */
  @Test
  void smallDivergencesKeepTheirDigits() {
    int cols = 10;
    float[] p = new float[cols];
    float[] q = new float[cols];
    for (int c = 0; c < cols; c++) {
      p[c] = 0.1f + 1e-5f * (c % 3 - 1);
      q[c] = 0.1f;
    }
    double[] pp = row(p, 0, cols, Input.PROBABILITIES);
    double[] qq = row(q, 0, cols, Input.PROBABILITIES);
    try (PointerScope scope = new PointerScope()) {
      Matrix a = Matrix.of(new FloatPointer(p), 1, cols);
      Matrix b = Matrix.of(new FloatPointer(q), 1, cols);
      double textbook = Reference.jsdTextbook(pp, qq);
      assertThat(textbook).isBetween(1e-10, 1e-8);
      assertThat(JsDivergence.total(a, b, Input.PROBABILITIES, Form.TEXTBOOK))
          .isCloseTo(textbook, within(textbook * 1e-2));
      assertThat(JsDivergence.total(a, a, Input.PROBABILITIES, Form.TEXTBOOK))
          .isBetween(0.0, 1e-14);
    }
  }

  @Test
  void badRowsAreCounted() {
    try (PointerScope scope = new PointerScope()) {
      Matrix p = Matrix.of(new FloatPointer(0.5f, 0.5f, -0.1f, 1.1f, Float.NaN, 1f, 0f, 0f), 4, 2);
      Matrix q = Matrix.of(new FloatPointer(0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f), 4, 2);
      DoublePointer rows = new DoublePointer(4);
      org.bytedeco.javacpp.LongPointer nonfinite =
          new org.bytedeco.javacpp.LongPointer(new long[] {0});
      JsDivergence.run(p, q, Input.PROBABILITIES, Form.TEXTBOOK, rows, null, null, nonfinite, null);
      assertThat(nonfinite.get()).isEqualTo(3);
      assertThat(rows.get(0)).isZero();
      assertThat(rows.get(1)).isNaN();
      assertThat(rows.get(2)).isNaN();
      assertThat(rows.get(3)).isNaN();
    }
  }

  @Test
  void eachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      Matrix p = Matrix.of(new FloatPointer(12), 3, 4);
      Matrix q = Matrix.of(new FloatPointer(12), 4, 3);
      DoublePointer rows = new DoublePointer(3);
      assertThatIllegalArgumentException()
          .isThrownBy(
              () ->
                  JsDivergence.run(p, q, Input.LOGITS, Form.TEXTBOOK, rows, null, null, null, null))
          .withMessageContaining("q is FLOAT32[4, 3]");
      assertThatIllegalArgumentException()
          .isThrownBy(
              () ->
                  JsDivergence.run(
                      p,
                      p,
                      Input.LOGITS,
                      Form.TEXTBOOK,
                      new DoublePointer(2),
                      null,
                      null,
                      null,
                      null))
          .withMessageContaining("row_out holds 2");
      assertThatIllegalArgumentException()
          .isThrownBy(
              () ->
                  JsDivergence.run(p, p, Input.LOGITS, Form.UPSTREAM, rows, null, null, null, null))
          .withMessageContaining("workspace is null");
    }
  }
}
