package dev.lotus.metric;

import dev.lotus.device.InputException;
import org.apache.commons.statistics.inference.AlternativeHypothesis;
import org.apache.commons.statistics.inference.KolmogorovSmirnovTest;

/**
 * The Streisand check: do the entropies of the model's outputs on the forget set come from the same
 * distribution as those on the test half? Where they do not, the forget set stands out, whatever
 * its accuracy. Two-sample, two-sided Kolmogorov-Smirnov.
 *
 * @param statistic largest distance between the two empirical distribution functions, 0..1
 * @param pValue chance of at least that distance between two samples of one distribution, 0..1:
 *     exact up to 10,000 samples a set, else asymptotic
 */
public record EntropyShift(double statistic, double pValue) {

  /**
   * Entropies in nats, any order.
   *
   * @throws InputException where a set has fewer than two samples or a value is not finite
   */
  public static EntropyShift of(float[] forget, float[] test) {
    double[] x = values(forget, "forget");
    double[] y = values(test, "test");
    KolmogorovSmirnovTest.TwoResult result =
        KolmogorovSmirnovTest.withDefaults().with(AlternativeHypothesis.TWO_SIDED).test(x, y);
    return new EntropyShift(result.getStatistic(), Math.min(1, Math.max(0, result.getPValue())));
  }

  private static double[] values(float[] entropies, String set) {
    if (entropies.length < 2) {
      throw new InputException(
          "Streisand check: the "
              + set
              + " set has "
              + entropies.length
              + " samples, a distribution needs two");
    }
    double[] values = new double[entropies.length];
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(entropies[i])) {
        throw new InputException(
            "Streisand check: the entropy of " + set + " sample " + i + " is " + entropies[i]);
      }
      values[i] = entropies[i];
    }
    return values;
  }
}
