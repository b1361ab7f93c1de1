package dev.lotus.kernel;

import dev.lotus.kernel.TensorList.Field;
import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Selective synaptic dampening (Foster et al., AAAI 2024): weights that matter much more to the
 * forget set than to the rest shrink. With r = first (importance on the retained data) and f =
 * second (on the forget set):
 *
 * <pre>
 *   where f > selection r :  w *= min(bound, (dampening r / f)^exponent)
 * </pre>
 *
 * <p>fp32. Strictly greater; an importance that is NaN leaves its weight alone. Uses weight, first,
 * second and, where it is not null, shadow.
 */
public final class SsdDampen {
  private static final String SYMBOL = "lotus_ssd_dampen";

  private SsdDampen() {}

  /**
   * Hyper-parameters, all finite and at least 0.
   *
   * @param selection alpha of the paper: 10 in its image experiments
   * @param dampening lambda of the paper: 1
   * @param exponent 1 as published
   * @param bound largest factor: 1 as published
   */
  public record Settings(float selection, float dampening, float exponent, float bound) {
    /**
     * @throws IllegalArgumentException if a value is out of its range
     */
    public Settings {
      Kernels.requireNotNegative("selection", selection);
      Kernels.requireNotNegative("dampening", dampening);
      Kernels.requireNotNegative("exponent", exponent);
      Kernels.requireNotNegative("bound", bound);
    }
  }

  /**
   * Runs the operation.
   *
   * @param dampened one counter, to which the number of dampened elements is added, or null
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if a tensor lacks a field
   * @throws KernelException if the device fails
   */
  public static void run(
      TensorList tensors, Settings settings, LongPointer dampened, Pointer stream) {
    Kernels.given("tensors", tensors).require(Field.WEIGHT, Field.FIRST, Field.SECOND);
    Kernels.given("settings", settings);
    Kernels.requireRoom("dampened", dampened, 1);
    Kernels.log(SYMBOL, tensors);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_ssd_dampen(
            tensors.tensors(),
            tensors.size(),
            settings.selection(),
            settings.dampening(),
            settings.exponent(),
            settings.bound(),
            dampened,
            tensors.device(),
            stream));
  }
}
