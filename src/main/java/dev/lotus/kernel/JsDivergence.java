package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Jensen-Shannon divergence of two matrices of logits or probabilities, in nats, in the three forms
 * of the literature.
 *
 * <pre>
 *   TEXTBOOK      row = 0.5 KL(p||m) + 0.5 KL(q||m), m = (p + q) / 2;         total = mean over rows
 *   UPSTREAM      p, q clamped to [1e-8, 1], each over the sum of its WHOLE matrix;
 *                 row = sum_c m log(m / sqrt(p q));                           total = sum over rows / B
 *   BAD_TEACHING  as UPSTREAM without the whole-matrix sums;                  total = sum over rows / (B C)
 * </pre>
 *
 * <p>TEXTBOOK normalises each row to sum one first. UPSTREAM is what the paper's tables show
 * (upstream {@code helpers/eval.py:36-62}); it falls with B, so its values compare only at equal B.
 * None of them cancels where p and q are close, which would ruin the plain formulas.
 *
 * <p>{@link #gradient} gives gradientScale d total / d (p's logits), q held fixed. With G the slope
 * of a row's value by p, 0.5 log(p/m) in TEXTBOOK, else 0.5 log(m / sqrt(p q)) + (p - q) / (4 p):
 *
 * <pre>
 *   TEXTBOOK, BAD_TEACHING  H = G
 *   UPSTREAM                H = (G - W) / S, S = sum of the whole clamped p, W = sum of the whole p G
 *   gradient_bc = gradientScale / (B or B C) * p_bc (H_bc - sum_j p_bj H_bj)
 * </pre>
 *
 * <p>H is 0 where the clamp holds p at 1e-8: no slope goes through it.
 */
public final class JsDivergence {
  private static final String SYMBOL = "lotus_js_divergence";

  /** Which divergence. */
  public enum Form {
    TEXTBOOK,
    UPSTREAM,
    BAD_TEACHING
  }

  /** What the matrices hold. */
  public enum Input {
    /** p = softmax(row). */
    LOGITS,
    /**
     * p = row; zeros and unnormalised rows are allowed, negative values make the row not finite.
     */
    PROBABILITIES
  }

  private JsDivergence() {}

  /**
   * Runs the operation.
   *
   * @param p [B, C]
   * @param q [B, C], of p's type and device
   * @param rowOut [B]
   * @param total one value, or null
   * @param workspace 3 B + 3 values, for {@link Form#UPSTREAM}; else null
   * @param nonfiniteRows one counter, added to; or null. A row that is not finite has NaN in {@code
   *     rowOut}.
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if shapes, types or devices do not fit
   * @throws KernelException if the device fails
   */
  public static void run(
      Matrix p,
      Matrix q,
      Input input,
      Form form,
      DoublePointer rowOut,
      DoublePointer total,
      DoublePointer workspace,
      LongPointer nonfiniteRows,
      Pointer stream) {
    call(p, q, input, form, rowOut, total, workspace, null, 0, nonfiniteRows, stream);
  }

  /**
   * Runs the operation on logits and writes the gradient with respect to those of p.
   *
   * @param p [B, C]
   * @param q [B, C], of p's type and device
   * @param rowOut [B]
   * @param total one value, or null
   * @param workspace 3 B + 3 values, for {@link Form#UPSTREAM}; else null
   * @param gradient [B, C] of p's type, written; may be p itself, with p's stride, and otherwise
   *     overlaps neither input. NaN in a row that is not finite
   * @param gradientScale finite
   * @param nonfiniteRows one counter, added to; or null
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if shapes, types or devices do not fit
   * @throws KernelException if the device fails
   */
  public static void gradient(
      Matrix p,
      Matrix q,
      Form form,
      DoublePointer rowOut,
      DoublePointer total,
      DoublePointer workspace,
      Matrix gradient,
      float gradientScale,
      LongPointer nonfiniteRows,
      Pointer stream) {
    Kernels.given("gradient", gradient);
    call(
        p,
        q,
        Input.LOGITS,
        form,
        rowOut,
        total,
        workspace,
        gradient,
        gradientScale,
        nonfiniteRows,
        stream);
  }

  private static void call(
      Matrix p,
      Matrix q,
      Input input,
      Form form,
      DoublePointer rowOut,
      DoublePointer total,
      DoublePointer workspace,
      Matrix gradient,
      float gradientScale,
      LongPointer nonfiniteRows,
      Pointer stream) {
    Kernels.given("p", p);
    Kernels.given("input", input);
    Kernels.given("form", form);
    Kernels.requireLike("q", q, "p", p, p.dtype());
    if (gradient != null) {
      requireGradient(p, q, gradient, gradientScale);
    }
    Kernels.require("row_out", rowOut, p.rows());
    Kernels.requireRoom("total", total, 1);
    if (form == Form.UPSTREAM) {
      Kernels.require("workspace", workspace, 3 * p.rows() + 3);
    }
    Kernels.requireRoom("nonfinite_rows", nonfiniteRows, 1);
    Kernels.log(SYMBOL, p, q, gradient);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_js_divergence(
            p.data(),
            p.stride(),
            q.data(),
            q.stride(),
            p.rows(),
            p.cols(),
            p.dtype().code(),
            input.ordinal(),
            form.ordinal(),
            rowOut,
            total,
            workspace,
            gradient == null ? null : gradient.data(),
            gradient == null ? 0 : gradient.stride(),
            gradientScale,
            nonfiniteRows,
            p.device(),
            stream));
  }

  private static void requireGradient(Matrix p, Matrix q, Matrix gradient, float scale) {
    Kernels.requireLike("gradient", gradient, "p", p, p.dtype());
    if (gradient.data() != null && gradient.data().equals(q.data())) {
      throw new IllegalArgumentException(
          "gradient is q, which it would overwrite; only p may be written in place");
    }
    if (gradient.data() != null
        && gradient.data().equals(p.data())
        && gradient.stride() != p.stride()) {
      throw new IllegalArgumentException(
          "gradient is in place of p, but its stride is "
              + gradient.stride()
              + " where p's is "
              + p.stride());
    }
    if (!Float.isFinite(scale)) {
      throw new IllegalArgumentException("gradient_scale is " + scale + "; it must be finite");
    }
  }

  /** The total of two host matrices. */
  public static double total(Matrix p, Matrix q, Input input, Form form) {
    Kernels.given("p", p);
    try (DoublePointer rows = new DoublePointer(Math.max(1, p.rows()));
        DoublePointer total = new DoublePointer(1).put(0);
        DoublePointer workspace = new DoublePointer(3 * p.rows() + 3)) {
      run(p, q, input, form, rows, total, workspace, null, null);
      return total.get();
    }
  }
}
