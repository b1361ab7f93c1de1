package dev.lotus.kernel;

import dev.lotus.kernel.TensorList.Field;
import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.Pointer;

/**
 * first += scale |gradient|, or, with the sign kept, first += scale gradient: SalUn's scores (Fan
 * et al., ICLR 2024), whose published code sums the batches' gradients and takes the magnitude of
 * the sum, as {@link TopKMask} does. fp32; uses gradient and first.
 */
public final class AbsAccumulate {
  private static final String SYMBOL = "lotus_abs_accumulate";

  private AbsAccumulate() {}

  /**
   * Runs the operation.
   *
   * @param scale finite
   * @param keepSign adds the gradient itself
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if a tensor lacks a field, or scale is not finite
   * @throws KernelException if the device fails
   */
  public static void run(TensorList tensors, float scale, boolean keepSign, Pointer stream) {
    Kernels.given("tensors", tensors).require(Field.GRADIENT, Field.FIRST);
    Kernels.requireFinite("scale", scale);
    Kernels.log(SYMBOL, tensors);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_abs_accumulate(
            tensors.tensors(),
            tensors.size(),
            tensors.gradientType().code(),
            scale,
            keepSign ? 1 : 0,
            tensors.device(),
            stream));
  }
}
