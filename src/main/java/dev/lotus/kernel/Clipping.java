package dev.lotus.kernel;

import org.bytedeco.javacpp.DoublePointer;

/**
 * Clipping by the norm of all gradients, as PyTorch's {@code clip_grad_norm_}: gradients are
 * multiplied by min(1, maxNorm / (norm + 1e-6)). A norm of NaN makes every gradient NaN.
 *
 * @param norm what {@link GradientNorm} left on the device; read there, in the stream's order
 * @param maxNorm at least 0; infinity clips nothing
 */
public record Clipping(DoublePointer norm, double maxNorm) {
  /** No clipping. */
  public static final Clipping NONE = new Clipping(null, 0);

  /**
   * @throws IllegalArgumentException if {@code maxNorm} is negative or NaN
   */
  public Clipping {
    if (!(maxNorm >= 0)) {
      throw new IllegalArgumentException("max_norm is " + maxNorm + "; it must be at least 0");
    }
    if (norm == null && maxNorm != 0) {
      throw new IllegalArgumentException(
          "norm is null, but max_norm is " + maxNorm + ": clipping needs what GradientNorm left");
    }
    Kernels.requireRoom("norm", norm, 1);
  }
}
