package dev.lotus.metric;

import dev.lotus.device.InputException;
import java.util.ArrayList;
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
 * @param models shadow models used
 * @param fewest models on the side of a sample that has fewest of them; fewer than {@link
 *     ShadowModel#ENOUGH} say little, and then one deviation is fitted to all samples of that side,
 *     as LiRA does
 */
public record ULira(Roc roc, double accuracy, int models, int fewest) {
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
    List<ShadowModel.Answers> ofForget = answers(forget.length, shadows, true);
    List<ShadowModel.Answers> ofTest = answers(test.length, shadows, false);
    Side in = new Side();
    Side out = new Side();
    for (List<ShadowModel.Answers> set : List.of(ofForget, ofTest)) {
      for (ShadowModel.Answers answers : set) {
        in.add(answers.in());
        out.add(answers.out());
      }
    }
    double[] members = scores(forget, ofForget, in, out);
    double[] others = scores(test, ofTest, in, out);
    return new ULira(
        Roc.of(members, others),
        0.5 * (share(members) + 1 - share(others)),
        shadows.size(),
        Math.min(in.fewest, out.fewest));
  }

  /** What the samples have in common on one side: models that unlearned, or that never saw. */
  private static final class Side {
    private int fewest = Integer.MAX_VALUE;
    private double squares;
    private long freedom;

    void add(double[] sample) {
      fewest = Math.min(fewest, sample.length);
      squares += squares(sample, mean(sample));
      freedom += sample.length - 1;
    }

    /**
     * Log density of the normal distribution with the sample's mean. Its deviation is the sample's
     * own (biased, as LiRA's) or, where a sample has too few models to tell, that of all samples.
     */
    double logDensity(double x, double[] sample) {
      double mean = mean(sample);
      double variance =
          fewest < ShadowModel.ENOUGH ? squares / freedom : squares(sample, mean) / sample.length;
      double sigma = Math.max(LEAST_SIGMA, Math.sqrt(variance));
      double z = (x - mean) / sigma;
      return -0.5 * z * z - Math.log(sigma) - 0.5 * Math.log(2 * Math.PI);
    }
  }

  private static double mean(double[] sample) {
    double mean = 0;
    for (double value : sample) {
      mean += value / sample.length;
    }
    return mean;
  }

  private static double squares(double[] sample, double mean) {
    double squares = 0;
    for (double value : sample) {
      squares += (value - mean) * (value - mean);
    }
    return squares;
  }

  private static double share(double[] scores) {
    int positive = 0;
    for (double score : scores) {
      positive += score > 0 ? 1 : 0;
    }
    return (double) positive / scores.length;
  }

  private static List<ShadowModel.Answers> answers(
      int samples, List<ShadowModel> shadows, boolean forget) {
    List<ShadowModel.Answers> all = new ArrayList<>(samples);
    for (int i = 0; i < samples; i++) {
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
      all.add(answers);
    }
    return all;
  }

  private static double[] scores(
      double[] confidences, List<ShadowModel.Answers> answers, Side in, Side out) {
    double[] scores = new double[confidences.length];
    for (int i = 0; i < scores.length; i++) {
      scores[i] =
          in.logDensity(confidences[i], answers.get(i).in())
              - out.logDensity(confidences[i], answers.get(i).out());
    }
    return scores;
  }
}
