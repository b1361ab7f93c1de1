package dev.lotus.kernel;

import dev.lotus.kernel.TensorList.Field;
import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.Pointer;

/**
 * first += scale gradient^2: the importances of selective synaptic dampening (Foster et al., AAAI
 * 2024), with scale = 1 / number of batches as the published code divides. fp32; uses gradient and
 * first.
 */
public final class SquareAccumulate {
  private static final String SYMBOL = "lotus_square_accumulate";

  private SquareAccumulate() {}

  /**
   * Runs the operation.
   *
   * @param scale finite
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if a tensor lacks a field, or scale is not finite
   * @throws KernelException if the device fails
   */
  public static void run(TensorList tensors, float scale, Pointer stream) {
    Kernels.given("tensors", tensors).require(Field.GRADIENT, Field.FIRST);
    Kernels.requireFinite("scale", scale);
    Kernels.log(SYMBOL, tensors);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_square_accumulate(
            tensors.tensors(),
            tensors.size(),
            tensors.gradientType().code(),
            scale,
            tensors.device(),
            stream));
  }
}
