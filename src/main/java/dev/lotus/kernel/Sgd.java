package dev.lotus.kernel;

import dev.lotus.kernel.TensorList.Field;
import dev.lotus.kernel.binding.Lotus;
import dev.lotus.kernel.binding.LotusPace;
import org.bytedeco.javacpp.Pointer;

/**
 * Stochastic gradient descent over all parameters in one call, as {@code torch.optim.SGD} computes
 * it (heavy ball, no dampening, not Nesterov's):
 *
 * <pre>
 *   g = clip gradient + wd w ;  b = momentum b + g ;  w -= lr b
 * </pre>
 *
 * <p>fp32. Uses weight, gradient and, with momentum, first (b), which starts at zero; without
 * momentum first is neither needed nor touched. Mask and shadow as in {@link AdamW}.
 */
public final class Sgd {
  private static final String SYMBOL = "lotus_sgd";

  private Sgd() {}

  /**
   * Hyper-parameters.
   *
   * @param learningRate at least 0
   * @param momentum 0 to below 1
   * @param weightDecay at least 0
   */
  public record Settings(double learningRate, double momentum, double weightDecay) {
    /**
     * @throws IllegalArgumentException if a value is out of its range
     */
    public Settings {
      Kernels.requireNotNegative("lr", learningRate);
      Kernels.requireRate("momentum", momentum);
      Kernels.requireNotNegative("weight_decay", weightDecay);
    }
  }

  /**
   * What a learning rate comes to, as {@link AdamW#pace}.
   *
   * @return [3], of which the second is read
   */
  public static float[] pace(Settings settings) {
    return new float[] {1, (float) Kernels.given("settings", settings).learningRate(), 1};
  }

  /**
   * One step.
   *
   * @throws IllegalArgumentException as below
   * @throws KernelException if the device fails
   */
  public static void run(
      TensorList tensors, Settings settings, MaskMode maskMode, Clipping clipping, Pointer stream) {
    run(tensors, settings, maskMode, clipping, null, stream);
  }

  /**
   * One step, whose learning rate is read when the work runs, not now: a captured CUDA graph serves
   * every step.
   *
   * @param pace {@link #pace} in memory of the tensors' device, in place of the learning rate; null
   *     = that
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if a tensor lacks a field
   * @throws KernelException if the device fails
   */
  public static void run(
      TensorList tensors,
      Settings settings,
      MaskMode maskMode,
      Clipping clipping,
      Pointer pace,
      Pointer stream) {
    Kernels.given("settings", settings);
    Kernels.given("mask_mode", maskMode);
    Kernels.given("clipping", clipping);
    Kernels.given("tensors", tensors).require(Field.WEIGHT, Field.GRADIENT);
    if (settings.momentum() > 0) {
      tensors.require(Field.FIRST);
    }
    Kernels.log(SYMBOL, tensors);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_sgd(
            tensors.tensors(),
            tensors.size(),
            tensors.gradientType().code(),
            settings.learningRate(),
            settings.momentum(),
            settings.weightDecay(),
            maskMode.code(),
            clipping.norm(),
            clipping.maxNorm(),
            pace == null ? null : new LotusPace(pace),
            tensors.device(),
            stream));
  }
}
