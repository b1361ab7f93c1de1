package dev.lotus.unlearn;

import dev.lotus.backbone.Arch;
import dev.lotus.data.Dataset;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.load.Augmentation;
import java.util.Set;

/**
 * Builds an {@link UnlearnConfig}: what is not said has the value that is published for the method,
 * the data set and the architecture.
 */
public final class UnlearnSettings {
  private String method = "lotus";
  private int epochs = 10;
  private int batch = 128;
  private Double learningRate;
  private Double weightDecay;
  private Augmentation augmentation;
  private double retainFraction = 0.3;
  private double alpha = 2;
  private Double fixedTau;
  private int accuracyRounding = Temperature.UNROUNDED;
  private ForgetTarget forgetTarget = ForgetTarget.GUMBEL_SOFTMAX;
  private RetainTarget retainTarget = RetainTarget.GUMBEL_HARD;
  private double beta = UnlearnConfig.BETA;
  private long seed = 3407;
  private Set<UpstreamQuirk> quirks = Set.of();

  /** A name in {@link UnlearnMethods#names}; lotus if not said. */
  public UnlearnSettings method(String name) {
    method = name;
    return this;
  }

  /** Most epochs; 10 if not said. */
  public UnlearnSettings epochs(int most) {
    epochs = most;
    return this;
  }

  /** Images a step; 128 if not said. */
  public UnlearnSettings batch(int images) {
    batch = images;
    return this;
  }

  public UnlearnSettings learningRate(Double rate) {
    learningRate = rate;
    return this;
  }

  public UnlearnSettings weightDecay(Double decay) {
    weightDecay = decay;
    return this;
  }

  public UnlearnSettings augmentation(Augmentation changes) {
    augmentation = changes;
    return this;
  }

  /** Share of D_r that takes part; 0.3 if not said. */
  public UnlearnSettings retainFraction(double share) {
    retainFraction = share;
    return this;
  }

  /** Sharpness of the temperature; 2 if not said. */
  public UnlearnSettings alpha(double sharpness) {
    alpha = sharpness;
    return this;
  }

  /** A temperature instead of the schedule; null = the schedule. */
  public UnlearnSettings fixedTau(Double tau) {
    fixedTau = tau;
    return this;
  }

  /** Decimals of accuracies before tau and the stop rule; none are dropped if not said. */
  public UnlearnSettings accuracyRounding(int decimals) {
    accuracyRounding = decimals;
    return this;
  }

  public UnlearnSettings forgetTarget(ForgetTarget target) {
    forgetTarget = target;
    return this;
  }

  public UnlearnSettings retainTarget(RetainTarget target) {
    retainTarget = target;
    return this;
  }

  /** NegGrad+'s weight of the retained samples; 0.95 if not said. */
  public UnlearnSettings beta(double weight) {
    beta = weight;
    return this;
  }

  /** Of everything random; 3407 if not said. */
  public UnlearnSettings seed(long number) {
    seed = number;
    return this;
  }

  /** In which the published code is followed; none if not said. */
  public UnlearnSettings quirks(Set<UpstreamQuirk> followed) {
    quirks = followed;
    return this;
  }

  /**
   * @throws dev.lotus.device.InputException if there is no such method, or a value is out of range
   */
  public UnlearnConfig build(Dataset data, Arch arch) {
    UnlearnMethods.Entry entry = UnlearnMethods.entry(method);
    return new UnlearnConfig(
        method,
        epochs,
        batch,
        learningRate != null ? learningRate : entry.learningRate(),
        weightDecay != null ? weightDecay : entry.weightDecayOn(data.name()),
        augmentation != null ? augmentation : Augmentation.published(data, arch.isTransformer()),
        retainFraction,
        alpha,
        fixedTau,
        accuracyRounding,
        forgetTarget,
        retainTarget,
        beta,
        seed,
        quirks);
  }
}
