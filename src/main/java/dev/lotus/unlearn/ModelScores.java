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
    return of(evaluator, evaluator, model, data);
  }

  /**
   * The same for a model that a run left, in the published code's ways where {@code config} has
   * such quirks: augmented training images, and MIA in training mode before all else. The model
   * itself stays as it is.
   */
  public static ModelScores of(
      Engine engine, Backbone model, UnlearnData data, UnlearnConfig config) {
    Evaluator ofTraining = Evaluator.ofTraining(engine, config, config.epochs());
    Evaluator ofHeldOut = new Evaluator(engine);
    if (!config.quirks().contains(UpstreamQuirk.TRAINING_MODE_EVALUATION)) {
      return of(ofTraining, ofHeldOut, model, data);
    }
    ImageSet train = data.dataset().train();
    ImageSet heldOut = data.dataset().heldOut();
    Split split = data.split();
    try (Backbone moved = model.copy()) {
      float[] retain = ofTraining.entropiesInTrainingMode(moved, train, split.retain(), "retain");
      float[] test = ofHeldOut.entropiesInTrainingMode(moved, heldOut, split.test(), "test");
      float[] val = ofHeldOut.entropiesInTrainingMode(moved, heldOut, split.val(), "val");
      float[] forget = ofTraining.entropiesInTrainingMode(moved, train, split.forget(), "forget");
      ModelScores after = of(ofTraining, ofHeldOut, moved, data);
      Evaluation e = after.evaluation;
      return new ModelScores(
          new Evaluation(
              with(e.forget(), forget),
              with(e.retain(), retain),
              with(e.val(), val),
              with(e.test(), test)),
          after.forgetProbabilities);
    }
  }

  private static SetStatistics with(SetStatistics set, float[] entropy) {
    return new SetStatistics(
        set.rows(), set.correct(), set.loss(), entropy, set.classMeans(), set.classCounts());
  }

  private static ModelScores of(
      Evaluator ofTraining, Evaluator ofHeldOut, Backbone model, UnlearnData data) {
    ImageSet train = data.dataset().train();
    ImageSet heldOut = data.dataset().heldOut();
    Split split = data.split();
    Evaluation evaluation =
        new Evaluation(
            ofTraining.statistics(model, train, split.forget(), "forget"),
            ofTraining.statistics(model, train, split.retain(), "retain"),
            ofHeldOut.statistics(model, heldOut, split.val(), "val"),
            ofHeldOut.statistics(model, heldOut, split.test(), "test"));
    return new ModelScores(
        evaluation, ofTraining.probabilities(model, train, split.forget(), "forget outputs"));
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
