package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;
import dev.lotus.kernel.binding.LotusDraw;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * The LoTUS loss and its gradient in one pass over the logits (Spartalis et al., CVPR 2025;
 * upstream {@code lotus_class.py:219-240}).
 *
 * <pre>
 *   g, g' ~ Gumbel(0, 1) independent       l_b = 1 for a forget row
 *   target_b   = l_b softmax((t_b + g_b) / tau) + (1 - l_b) onehot(argmax(t_b + g'_b))
 *   loss_b     = -sum_c target_bc log_softmax(s_b)_c
 *   gradient_b = gradientScale (softmax(s_b) - target_b)        gradientScale = 1 / B: of the mean loss
 * </pre>
 *
 * <p>Noise is {@link Philox}'s, from (seed, step, the row's sample), or ready-made. A class at -inf
 * has probability 0, gradient 0 and adds nothing; a target that puts weight on a class the student
 * has at -inf makes that row's loss +inf. A row with NaN or +inf, or all at -inf, gets NaN loss and
 * gradient, is counted in {@code nonfiniteRows} and touches no other row. Among equal scores argmax
 * takes the first.
 */
public final class GumbelCrossEntropy {
  private static final String SYMBOL = "lotus_gumbel_cross_entropy";

  /** Target of a forget row. */
  public enum ForgetTarget {
    /** softmax((t + g) / tau). */
    GUMBEL_SOFTMAX,
    /** softmax(t / tau). */
    SOFTMAX
  }

  /** Target of a retain row. */
  public enum RetainTarget {
    /** onehot(argmax(t + g)), a sample of the teacher's distribution, as published. */
    GUMBEL_HARD,
    /** onehot(argmax(t)). */
    ARGMAX
  }

  /**
   * Where the noise comes from.
   *
   * @param seed Philox key
   * @param step fourth word of the counter: the number of the step, never used twice with one seed
   * @param samples [B] each row's position in the global epoch order, on the operands' device; null
   *     = the row's index
   * @param ready [B, C] Gumbel noise to use instead of making any (row b's for whichever target row
   *     b has), or null
   */
  public record Noise(long seed, int step, LongPointer samples, Matrix ready) {
    public static Noise of(long seed, int step) {
      return new Noise(seed, step, null, null);
    }
  }

  /**
   * What to write; any but not all may be null.
   *
   * @param loss [B] fp32
   * @param gradient [B, C] in the student's type; may be the student itself (in place), else
   *     overlaps no input
   * @param gradientScale factor of the gradient
   * @param nonfiniteRows one counter; the number of rows that are not finite is added
   */
  public record Output(
      FloatPointer loss, Matrix gradient, float gradientScale, LongPointer nonfiniteRows) {}

  private final ForgetTarget forgetTarget;
  private final RetainTarget retainTarget;

  public GumbelCrossEntropy(ForgetTarget forgetTarget, RetainTarget retainTarget) {
    this.forgetTarget = Kernels.given("forget_target", forgetTarget);
    this.retainTarget = Kernels.given("retain_target", retainTarget);
  }

  /**
   * Runs the operation.
   *
   * @throws IllegalArgumentException as below
   * @throws KernelException if the device fails
   */
  public void run(
      Matrix student,
      Matrix teacher,
      BytePointer isForget,
      double tau,
      Noise noise,
      Output out,
      Pointer stream) {
    run(student, teacher, isForget, tau, noise, out, null, stream);
  }

  /**
   * Runs the operation with a step and a temperature that are read when the work runs, not now: a
   * captured CUDA graph serves every step.
   *
   * @param student [B, C] logits s
   * @param teacher [B, C] logits t, of the student's type and device
   * @param isForget [B] bytes, not 0 = forget
   * @param tau temperature, positive and finite
   * @param draw [2] in memory of the operands' device: int32 step, fp32 tau, in place of the
   *     noise's step and of {@code tau}; null = those
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if shapes, types, devices or values do not fit; nothing is
   *     written
   * @throws KernelException if the device fails
   */
  public void run(
      Matrix student,
      Matrix teacher,
      BytePointer isForget,
      double tau,
      Noise noise,
      Output out,
      Pointer draw,
      Pointer stream) {
    Kernels.given("student", student);
    Kernels.given("noise", noise);
    Kernels.given("out", out);
    Kernels.requireLike("teacher", teacher, "student", student, student.dtype());
    Kernels.require("is_forget", isForget, student.rows());
    float temperature = Kernels.requirePositive("tau", tau);
    if (noise.samples() != null) {
      Kernels.requireRoom("samples", noise.samples(), student.rows());
    }
    if (noise.ready() != null) {
      Kernels.requireLike("noise", noise.ready(), "student", student, DType.FLOAT32);
    }
    Matrix gradient = out.gradient();
    if (out.loss() == null && gradient == null) {
      throw new IllegalArgumentException("loss and gradient are both null: nothing to compute");
    }
    if (gradient != null) {
      Kernels.requireLike("gradient", gradient, "student", student, student.dtype());
    }
    Kernels.requireRoom(student.rows(), out.loss(), out.nonfiniteRows());
    Kernels.log(SYMBOL, student, teacher, noise.ready(), gradient);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_gumbel_cross_entropy(
            student.data(),
            student.stride(),
            teacher.data(),
            teacher.stride(),
            isForget,
            student.rows(),
            student.cols(),
            student.dtype().code(),
            temperature,
            forgetTarget.ordinal(),
            retainTarget.ordinal(),
            noise.seed(),
            noise.step(),
            noise.samples(),
            noise.ready() == null ? null : new FloatPointer(noise.ready().data()),
            noise.ready() == null ? 0 : noise.ready().stride(),
            out.loss(),
            gradient == null ? null : gradient.data(),
            gradient == null ? 0 : gradient.stride(),
            out.gradientScale(),
            out.nonfiniteRows(),
            draw == null ? null : new LotusDraw(draw),
            student.device(),
            stream));
  }
}
