package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.data.Split;
import dev.lotus.metric.Evaluation;
import dev.lotus.metric.Evaluation.Divergences;
import dev.lotus.metric.Metrics;
import dev.lotus.metric.SetStatistics;

/**
 * One model's passes over the sets of a run, and the metrics from them: each set is read once.
 *
 * @param evaluation statistics of the four sets
 * @param forgetProbabilities softmax outputs on D_f, for the divergence to the retrained model
 */
public record ModelScores(Evaluation evaluation, double[][] forgetProbabilities) {

  /** Runs the model over the four sets of {@code data}. */
  public static ModelScores of(Engine engine, Backbone model, UnlearnData data) {
    Evaluator evaluator = new Evaluator(engine);
    ImageSet train = data.dataset().train();
    ImageSet heldOut = data.dataset().heldOut();
    Split split = data.split();
    Evaluation evaluation =
        new Evaluation(
            evaluator.statistics(model, train, split.forget(), "forget"),
            evaluator.statistics(model, train, split.retain(), "retain"),
            evaluator.statistics(model, heldOut, split.val(), "val"),
            evaluator.statistics(model, heldOut, split.test(), "test"));
    return new ModelScores(
        evaluation, evaluator.probabilities(model, train, split.forget(), "forget outputs"));
  }

  /**
   * The metrics of this model.
   *
   * @param originalTest the original model on the test half
   * @param retrained the gold standard, or null
   * @param seconds what making this model took, or null
   */
  public Metrics metrics(SetStatistics originalTest, ModelScores retrained, Double seconds) {
    Divergences divergences =
        retrained == null
            ? null
            : Divergences.of(forgetProbabilities, retrained.forgetProbabilities);
    return evaluation.metrics(
        originalTest, retrained == null ? null : retrained.evaluation, divergences, seconds);
  }
}
