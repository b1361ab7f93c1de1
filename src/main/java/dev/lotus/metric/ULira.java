package dev.lotus.metric;

import dev.lotus.device.InputException;
import java.util.List;

/**
 * U-LiRA, the likelihood-ratio attack on unlearning, for each example apart (Hayes et al. 2024,
 * "Inexact Unlearning Needs More Careful Evaluations to Avoid a False Sense of Privacy", algorithm
 * 2). The shadow models were each trained on some of the samples and then unlearned those. For each
 * sample a normal distribution is fitted to the logit-scaled confidences of the models that
 * unlearned it, and one to those of the models that never saw it; the attacked model's confidence o
 * then gives
 *
 * <pre>score = log N(o; mu_unlearned, sigma_unlearned) - log N(o; mu_unseen, sigma_unseen)</pre>
 *
 * <p>and the sample is called unlearned (once a member) where it is above 0. The forget set are the
 * members, the test half the non-members.
 *
 * @param roc of the scores
 * @param accuracy mean of the share of forget samples called unlearned and the share of test
 *     samples not called so, 0..1; 0.5 is guessing
 * @param models shadow models used; fewer than {@link ShadowModel#ENOUGH} say little
 */
public record ULira(Roc roc, double accuracy, int models) {
  /**
   * Least standard deviation, in units of the logit: models that all answer alike to the last bit
   * would make a density infinite.
   */
  public static final double LEAST_SIGMA = 1e-6;

  /**
   * @param forget the attacked model's {@link Softmax#logitScaled} on the forget set
   * @param test the same on the test half
   * @param shadows at least two that unlearned, and two that never saw, each sample
   * @throws InputException where there are fewer for a sample, lengths differ, or a set is empty
   */
  public static ULira of(double[] forget, double[] test, List<ShadowModel> shadows) {
    ShadowModel.requireSamples("U-LiRA", shadows, forget, test);
    double[] members = scores(forget, shadows, true);
    double[] others = scores(test, shadows, false);
    Roc roc = Roc.of(members, others);
    return new ULira(roc, 0.5 * (share(members) + 1 - share(others)), shadows.size());
  }

  private static double share(double[] scores) {
    int positive = 0;
    for (double score : scores) {
      positive += score > 0 ? 1 : 0;
    }
    return (double) positive / scores.length;
  }

  private static double[] scores(double[] confidences, List<ShadowModel> shadows, boolean forget) {
    double[] scores = new double[confidences.length];
    for (int i = 0; i < scores.length; i++) {
      ShadowModel.Answers answers = ShadowModel.answers(shadows, forget, i);
      if (answers.in().length < 2 || answers.out().length < 2) {
        throw new InputException(
            "U-LiRA: "
                + (forget ? "forget" : "test")
                + " sample "
                + i
                + " was unlearned by "
                + answers.in().length
                + " shadow models and never seen by "
                + answers.out().length
                + ": at least two of each are needed");
      }
      scores[i] =
          logDensity(confidences[i], answers.in()) - logDensity(confidences[i], answers.out());
    }
    return scores;
  }

  /** Of the normal distribution with the sample's mean and its (biased, as LiRA's) deviation. */
  private static double logDensity(double x, double[] sample) {
    double mean = 0;
    for (double value : sample) {
      mean += value / sample.length;
    }
    double variance = 0;
    for (double value : sample) {
      variance += (value - mean) * (value - mean) / sample.length;
    }
    double sigma = Math.max(LEAST_SIGMA, Math.sqrt(variance));
    double z = (x - mean) / sigma;
    return -0.5 * z * z - Math.log(sigma) - 0.5 * Math.log(2 * Math.PI);
  }
}
