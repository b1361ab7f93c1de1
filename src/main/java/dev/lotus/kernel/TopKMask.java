package dev.lotus.kernel;

import dev.lotus.kernel.TensorList.Field;
import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * mask = 1 at the k elements with the largest |first| over all tensors together, else 0: SalUn's
 * saliency map (Fan et al., ICLR 2024).
 *
 * <p>Exactly k: among equals the earlier element, tensor by tensor, comes first. NaN counts as 0.
 * The same mask on every device and for any number of threads. Uses first and mask.
 */
public final class TopKMask {
  /** Longs that {@code workspace} needs. */
  public static final int WORKSPACE = Lotus.LOTUS_TOP_K_WORKSPACE;

  private static final String SYMBOL = "lotus_top_k_mask";

  private TopKMask() {}

  /**
   * Runs the operation.
   *
   * @param k 0 to the number of elements
   * @param workspace {@link #WORKSPACE} longs on the device
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if k is out of its range, a tensor lacks a field, or the
   *     workspace is too small
   * @throws KernelException if the device fails
   */
  public static void run(TensorList tensors, long k, LongPointer workspace, Pointer stream) {
    Kernels.given("tensors", tensors).require(Field.FIRST, Field.MASK);
    if (k < 0 || k > tensors.elements()) {
      throw new IllegalArgumentException(
          "k is " + k + "; it must be 0 to the number of elements, " + tensors.elements());
    }
    Kernels.require("workspace", workspace, WORKSPACE);
    Kernels.log(SYMBOL, tensors);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_top_k_mask(
            tensors.tensors(), tensors.size(), k, workspace, tensors.device(), stream));
  }
}
