package dev.lotus.kernel;

import dev.lotus.kernel.TensorList.Field;
import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.Pointer;

/**
 * norm = sqrt(sum of all squared gradients of all tensors), for {@link Clipping} and for traces.
 *
 * <p>Squares and sums are fp64, in an order that depends on the list alone: the same bits for any
 * number of threads. NaN where a gradient is NaN, infinite where one is; 0 for an empty list. Uses
 * gradient.
 */
public final class GradientNorm {
  /** Doubles that {@code workspace} needs. */
  public static final int WORKSPACE = Lotus.LOTUS_NORM_WORKSPACE;

  private static final String SYMBOL = "lotus_gradient_norm";

  private GradientNorm() {}

  /**
   * Runs the operation.
   *
   * @param norm one double on the device
   * @param workspace {@link #WORKSPACE} doubles on the device
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if a tensor lacks its gradient, or an operand its memory
   * @throws KernelException if the device fails
   */
  public static void run(
      TensorList tensors, DoublePointer norm, DoublePointer workspace, Pointer stream) {
    Kernels.given("tensors", tensors).require(Field.GRADIENT);
    Kernels.require("norm", norm, 1);
    Kernels.require("workspace", workspace, WORKSPACE);
    Kernels.log(SYMBOL, tensors);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_gradient_norm(
            tensors.tensors(),
            tensors.size(),
            tensors.gradientType().code(),
            norm,
            workspace,
            tensors.device(),
            stream));
  }
}
