package dev.lotus.optim;

import dev.lotus.device.InputException;

/** The learning rate of an epoch, as a pure function of the epoch's number. */
@FunctionalInterface
public interface LearningRate {
  /**
   * @param epoch from 0
   * @return the rate of all steps of that epoch
   */
  double at(int epoch);

  /** The same rate in every epoch. */
  static LearningRate constant(double rate) {
    Optimizers.requireNotNegative("learning rate", rate);
    return epoch -> rate;
  }

  /**
   * As published (cspartalis/LoTUS, src/train.py, lr_lambda): epoch e has n = e + 1 and the rate
   * {@code peak * min(1, n / warmup) * (1 - max(0, n - warmup) / (epochs - warmup))}. So epoch
   * {@code warmup - 1} has the peak, and the LAST epoch has rate 0: only BatchNorm's statistics
   * move in it.
   *
   * @param warmup epochs of rising rate, at least 0, below {@code epochs}
   * @param epochs epochs of the run
   */
  static LearningRate warmupThenDecay(double peak, int warmup, int epochs) {
    Optimizers.requireNotNegative("learning rate", peak);
    if (warmup < 0 || warmup >= epochs) {
      throw new InputException(
          "warm-up of "
              + warmup
              + " epochs in a run of "
              + epochs
              + ": it must be shorter than the run");
    }
    return epoch -> {
      int n = epoch + 1;
      double rise = warmup == 0 ? 1 : Math.min(1.0, (double) n / warmup);
      double fall = Math.max(0.0, 1.0 - Math.max(0.0, n - warmup) / (epochs - warmup));
      return peak * rise * fall;
    };
  }
}
