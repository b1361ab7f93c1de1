package dev.lotus.unlearn;

import dev.lotus.device.InputException;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.load.Augmentation;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * What an unlearning run can be told; methods take from it what concerns them.
 *
 * @param method name in {@link UnlearnMethods}
 * @param epochs most epochs; LoTUS may stop earlier, SSD takes one
 * @param batch images a step
 * @param learningRate constant over the run; the peak of its schedule where it retrains
 * @param weightDecay of the optimizer
 * @param augmentation of the training images
 * @param retainFraction share of D_r that takes part, drawn once by the seed (LoTUS, Bad Teacher)
 * @param alpha sharpness of the temperature (LoTUS)
 * @param fixedTau temperature instead of the schedule, or null (LoTUS)
 * @param accuracyRounding decimals that accuracies are rounded to before tau and the stop rule, or
 *     {@link Temperature#UNROUNDED} (LoTUS)
 * @param forgetTarget target of forget rows (LoTUS)
 * @param retainTarget target of retain rows (LoTUS)
 * @param beta weight of the retained samples, 1 - beta that of the forgotten ones (NegGrad+)
 * @param seed of noise, order, augmentation and the draw of retain samples
 * @param quirks in which the published code is followed instead of the method's paper
 */
public record UnlearnConfig(
    String method,
    int epochs,
    int batch,
    double learningRate,
    double weightDecay,
    Augmentation augmentation,
    double retainFraction,
    double alpha,
    Double fixedTau,
    int accuracyRounding,
    ForgetTarget forgetTarget,
    RetainTarget retainTarget,
    double beta,
    long seed,
    Set<UpstreamQuirk> quirks) {
  /** Weight of the retained samples if not said. */
  public static final double BETA = 0.95;

  /** Without quirks, with {@link #BETA}. */
  public UnlearnConfig(
      String method,
      int epochs,
      int batch,
      double learningRate,
      double weightDecay,
      Augmentation augmentation,
      double retainFraction,
      double alpha,
      Double fixedTau,
      int accuracyRounding,
      ForgetTarget forgetTarget,
      RetainTarget retainTarget,
      long seed) {
    this(
        method,
        epochs,
        batch,
        learningRate,
        weightDecay,
        augmentation,
        retainFraction,
        alpha,
        fixedTau,
        accuracyRounding,
        forgetTarget,
        retainTarget,
        BETA,
        seed,
        Set.of());
  }

  /**
   * @throws InputException naming the option that is out of range
   */
  public UnlearnConfig {
    require(epochs >= 1, "--epochs " + epochs + ": give at least 1");
    require(batch >= 1, "--batch " + batch + ": give at least 1");
    require(
        learningRate >= 0 && Double.isFinite(learningRate),
        "--lr " + learningRate + ": give 0 or more");
    require(
        weightDecay >= 0 && Double.isFinite(weightDecay),
        "--weight-decay " + weightDecay + ": give 0 or more");
    require(
        retainFraction > 0 && retainFraction <= 1,
        "--retain-fraction " + retainFraction + ": give a number above 0, at most 1");
    require(alpha >= 0 && Double.isFinite(alpha), "--alpha " + alpha + ": give 0 or more");
    require(beta >= 0 && beta <= 1, "beta = " + beta + ": give a number from 0 to 1");
    require(
        fixedTau == null
            || ((float) (double) fixedTau > 0 && Float.isFinite((float) (double) fixedTau)),
        "--tau fixed:" + fixedTau + ": the temperature must be above 0");
    // In the order of the list, the same in every process.
    EnumSet<UpstreamQuirk> ordered = EnumSet.noneOf(UpstreamQuirk.class);
    ordered.addAll(quirks);
    quirks = Collections.unmodifiableSet(ordered);
  }

  /** The same for so many epochs, at this temperature (null = by the schedule). */
  UnlearnConfig with(int otherEpochs, Double tau) {
    return new UnlearnConfig(
        method,
        otherEpochs,
        batch,
        learningRate,
        weightDecay,
        augmentation,
        retainFraction,
        alpha,
        tau,
        accuracyRounding,
        forgetTarget,
        retainTarget,
        beta,
        seed,
        quirks);
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new InputException(message);
    }
  }
}
