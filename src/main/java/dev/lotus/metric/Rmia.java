package dev.lotus.metric;

import dev.lotus.device.InputException;
import java.util.Arrays;
import java.util.List;

/**
 * RMIA, the robust membership attack of Zarifzadeh, Liu and Shokri 2024 ("Low-Cost High-Power
 * Membership Inference Attacks"). With p(x) the probability of x's label:
 *
 * <pre>
 *   r(x)     = p(x | attacked model) / p(x),  p(x) = the reference models' mean
 *   score(x) = share of population samples z with r(x) / r(z) >= gamma
 * </pre>
 *
 * <p>Where every sample has reference models that were trained on it and others that were not, p(x)
 * is half the sum of their two means (online); else it is ((1 + a) times the mean over those that
 * were not + 1 - a) / 2 (offline). The forget set are the members, the test half the non-members
 * and, without x itself, the population.
 *
 * @param roc of the scores
 * @param models reference models used; fewer than {@link ShadowModel#ENOUGH} say little
 * @param online which of the two forms of p(x) was used
 */
public record Rmia(Roc roc, int models, boolean online) {
  /** The published gamma. */
  public static final double GAMMA = 2;

  /** The published a for CIFAR-10. */
  public static final double OFFLINE_A = 0.3;

  /**
   * @param forget the attacked model's {@link Softmax#logitScaled} on the forget set
   * @param test the same on the test half, at least two samples
   * @param references models trained in the ordinary way, not unlearned; at least one was not
   *     trained on each sample
   * @param gamma above 0
   * @param a 0..1, of the offline form
   * @throws InputException where a sample was in every reference model, lengths differ, a set is
   *     empty, or a parameter is out of range
   */
  public static Rmia of(
      double[] forget, double[] test, List<ShadowModel> references, double gamma, double a) {
    ShadowModel.requireSamples("RMIA", references, forget, test);
    if (!(gamma > 0) || !(a >= 0 && a <= 1)) {
      throw new InputException(
          "RMIA: gamma = " + gamma + " and a = " + a + ": give gamma above 0 and a in 0..1");
    }
    if (test.length < 2) {
      throw new InputException(
          "RMIA: the test half has " + test.length + " samples, the population needs two");
    }
    boolean online = online(references, true, forget) && online(references, false, test);
    double[] members = logRatios(forget, references, true, online, a);
    double[] others = logRatios(test, references, false, online, a);
    double[] population = others.clone();
    Arrays.sort(population);
    double logGamma = Math.log(gamma);
    return new Rmia(
        Roc.of(scores(members, population, logGamma, 0), scores(others, population, logGamma, 1)),
        references.size(),
        online);
  }

  private static double[] scores(double[] of, double[] population, double logGamma, int itself) {
    double[] scores = new double[of.length];
    for (int i = 0; i < of.length; i++) {
      int below = atMost(population, of[i] - logGamma);
      // x is among the population that it is compared with where gamma <= 1 and x is a test sample.
      int own = itself == 1 && logGamma <= 0 ? 1 : 0;
      scores[i] = (double) (below - own) / (population.length - itself);
    }
    return scores;
  }

  /** How many of the ascending values are at most {@code bound}. */
  private static int atMost(double[] ascending, double bound) {
    int low = 0;
    int high = ascending.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ascending[middle] <= bound) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private static boolean online(List<ShadowModel> references, boolean forget, double[] samples) {
    for (int i = 0; i < samples.length; i++) {
      ShadowModel.Answers answers = ShadowModel.answers(references, forget, i);
      if (answers.out().length == 0) {
        throw new InputException(
            "RMIA: every reference model was trained on "
                + (forget ? "forget" : "test")
                + " sample "
                + i
                + ": give one that was not");
      }
      if (answers.in().length == 0) {
        return false;
      }
    }
    return true;
  }

  private static double[] logRatios(
      double[] confidences,
      List<ShadowModel> references,
      boolean forget,
      boolean online,
      double a) {
    double[] ratios = new double[confidences.length];
    for (int i = 0; i < ratios.length; i++) {
      ShadowModel.Answers answers = ShadowModel.answers(references, forget, i);
      double out = meanProbability(answers.out());
      double p =
          online ? 0.5 * (meanProbability(answers.in()) + out) : 0.5 * ((1 + a) * out + (1 - a));
      ratios[i] = Math.log(probability(confidences[i])) - Math.log(p);
    }
    return ratios;
  }

  private static double meanProbability(double[] confidences) {
    double sum = 0;
    for (double confidence : confidences) {
      sum += probability(confidence);
    }
    return sum / confidences.length;
  }

  /** p from log(p / (1 - p)); above 0, as {@link Softmax#LIMIT} bounds the confidence. */
  private static double probability(double logitScaled) {
    return 1 / (1 + Math.exp(-logitScaled));
  }
}
