package dev.lotus.kernel;

import dev.lotus.kernel.TensorList.Field;
import dev.lotus.kernel.binding.Lotus;
import dev.lotus.kernel.binding.LotusPace;
import org.bytedeco.javacpp.Pointer;

/**
 * AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019) over all
 * parameters in one call, as {@code torch.optim.AdamW} computes it; step >= 1:
 *
 * <pre>
 *   g = clip gradient ;  w -= lr wd w ;  m += (1 - b1)(g - m) ;  v = b2 v + (1 - b2) g^2
 *   w -= lr / (1 - b1^step) * m / (sqrt(v / (1 - b2^step)) + epsilon)
 * </pre>
 *
 * <p>What does not depend on the element is computed in double, the rest in fp32. Uses weight,
 * gradient, first (m) and second (v), which start at zero, and, where they are not null, mask and
 * shadow (the new weights rounded to bf16, also where the mask is 0). A gradient that is not finite
 * spoils its own element only.
 */
public final class AdamW {
  private static final String SYMBOL = "lotus_adamw";

  private AdamW() {}

  /**
   * Hyper-parameters.
   *
   * @param learningRate at least 0
   * @param beta1 0 to below 1
   * @param beta2 0 to below 1
   * @param epsilon at least 0
   * @param weightDecay at least 0
   */
  public record Settings(
      double learningRate, double beta1, double beta2, double epsilon, double weightDecay) {
    /**
     * @throws IllegalArgumentException if a value is out of its range
     */
    public Settings {
      Kernels.requireNotNegative("lr", learningRate);
      Kernels.requireRate("beta1", beta1);
      Kernels.requireRate("beta2", beta2);
      Kernels.requireNotNegative("epsilon", epsilon);
      Kernels.requireNotNegative("weight_decay", weightDecay);
    }

    /** PyTorch's betas 0.9, 0.999 and epsilon 1e-8. */
    public static Settings of(double learningRate, double weightDecay) {
      return new Settings(learningRate, 0.9, 0.999, 1e-8, weightDecay);
    }
  }

  /**
   * What learning rate, weight decay and step come to: 1 - lr wd, lr / (1 - b1^step) and 1 / sqrt(1
   * - b2^step), as the operation rounds them.
   *
   * @param step from 1
   * @return [3], to be put into the memory that a step's {@code pace} points to
   * @throws IllegalArgumentException if step is below 1
   */
  public static float[] pace(Settings settings, long step) {
    Kernels.given("settings", settings);
    requireStep(step);
    try (LotusPace pace = new LotusPace()) {
      Kernels.check(
          "lotus_adamw_pace",
          Lotus.lotus_adamw_pace(
              settings.learningRate(),
              settings.beta1(),
              settings.beta2(),
              settings.weightDecay(),
              step,
              pace));
      return new float[] {pace.decay(), pace.rate(), pace.root()};
    }
  }

  private static void requireStep(long step) {
    if (step < 1) {
      throw new IllegalArgumentException("step is " + step + "; steps count from 1");
    }
  }

  /**
   * One step.
   *
   * @throws IllegalArgumentException as below
   * @throws KernelException if the device fails
   */
  public static void run(
      TensorList tensors,
      Settings settings,
      long step,
      MaskMode maskMode,
      Clipping clipping,
      Pointer stream) {
    run(tensors, settings, step, maskMode, clipping, null, stream);
  }

  /**
   * One step, whose numbers are read when the work runs, not now: a captured CUDA graph serves
   * every step.
   *
   * @param step number of this step, from 1
   * @param pace {@link #pace} in memory of the tensors' device, in place of learning rate, weight
   *     decay and step; null = those
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if a tensor lacks a field, or step is below 1
   * @throws KernelException if the device fails
   */
  public static void run(
      TensorList tensors,
      Settings settings,
      long step,
      MaskMode maskMode,
      Clipping clipping,
      Pointer pace,
      Pointer stream) {
    Kernels.given("settings", settings);
    Kernels.given("mask_mode", maskMode);
    Kernels.given("clipping", clipping);
    Kernels.given("tensors", tensors)
        .require(Field.WEIGHT, Field.GRADIENT, Field.FIRST, Field.SECOND);
    requireStep(step);
    Kernels.log(SYMBOL, tensors);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_adamw(
            tensors.tensors(),
            tensors.size(),
            tensors.gradientType().code(),
            settings.learningRate(),
            settings.beta1(),
            settings.beta2(),
            settings.epsilon(),
            settings.weightDecay(),
            step,
            maskMode.code(),
            clipping.norm(),
            clipping.maxNorm(),
            pace == null ? null : new LotusPace(pace),
            tensors.device(),
            stream));
  }
}
