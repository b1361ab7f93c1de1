package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.data.Split;
import dev.lotus.metric.Evaluation;
import dev.lotus.metric.Evaluation.Divergences;
import dev.lotus.metric.LogitsSink;
import dev.lotus.metric.LogitsWriter;
import dev.lotus.metric.Metrics;
import dev.lotus.metric.Mia;
import dev.lotus.metric.SetStatistics;
import dev.lotus.metric.Softmax;
import java.util.Arrays;

/**
 * One model's passes over the sets of a run, and the metrics from them: each set is read once.
 *
 * @param evaluation statistics of the four sets
 * @param forgetProbabilities softmax outputs on D_f, for the divergence to the retrained model
 */
public record ModelScores(Evaluation evaluation, double[][] forgetProbabilities) {

  /** Where a pass leaves its logits besides. */
  public interface Store {
    /** Keeps nothing. */
    Store NONE = (set, rows, classes) -> rowsOfLogits -> {};

    /** Takes the logits of a set: forget, retain, val or test. */
    LogitsSink open(String set, int rows, int classes);

    /** Keeps the given sets of a model in a file. */
    static Store of(LogitsWriter writer, String model, String... sets) {
      return (set, rows, classes) ->
          Arrays.asList(sets).contains(set)
              ? writer.logits(model + "." + set, rows, classes)
              : NONE.open(set, rows, classes);
    }
  }

  /** Runs the model over the four sets of {@code data}. */
  public static ModelScores of(Engine engine, Backbone model, UnlearnData data) {
    return of(engine, model, data, Store.NONE);
  }

  /** The same, keeping the logits. */
  public static ModelScores of(Engine engine, Backbone model, UnlearnData data, Store store) {
    Evaluator evaluator = new Evaluator(engine);
    return of(evaluator, evaluator, model, data, store);
  }

  /**
   * The same for a model that a run left, in the published code's ways where {@code config} has
   * such quirks: augmented training images, and MIA in training mode before all else. Entropies in
   * training mode go into MIA alone. The model itself stays as it is.
   */
  public static ModelScores of(
      Engine engine, Backbone model, UnlearnData data, UnlearnConfig config) {
    Evaluator ofTraining = Evaluator.ofTraining(engine, config, config.epochs());
    Evaluator ofHeldOut = new Evaluator(engine);
    if (!config.quirks().contains(UpstreamQuirk.TRAINING_MODE_EVALUATION)) {
      return of(ofTraining, ofHeldOut, model, data, Store.NONE);
    }
    ImageSet train = data.dataset().train();
    ImageSet heldOut = data.dataset().heldOut();
    Split split = data.split();
    try (Backbone moved = model.copy()) {
      // The order decides: the last set is what BatchNorm's running statistics remember.
      float[] retain = ofTraining.entropiesInTrainingMode(moved, train, split.retain(), "retain");
      float[] forget = ofTraining.entropiesInTrainingMode(moved, train, split.forget(), "forget");
      float[] test = ofHeldOut.entropiesInTrainingMode(moved, heldOut, split.test(), "test");
      float[] val = ofHeldOut.entropiesInTrainingMode(moved, heldOut, split.val(), "val");
      ModelScores after = of(ofTraining, ofHeldOut, moved, data, Store.NONE);
      Evaluation e = after.evaluation;
      return new ModelScores(
          new Evaluation(
              e.forget(),
              e.retain(),
              e.val(),
              e.test(),
              Mia.fit(retain, test, val, forget).score()),
          after.forgetProbabilities);
    }
  }

  /**
   * A model that a run's is compared with, the retrained one: it sees the same pixels as that, but
   * is in evaluation mode whatever the quirks, for it is no model that the method left.
   */
  public static ModelScores ofReference(
      Engine engine, Backbone model, UnlearnData data, UnlearnConfig config) {
    Evaluator ofTraining = Evaluator.ofTraining(engine, config, config.epochs());
    return of(ofTraining, new Evaluator(engine), model, data, Store.NONE);
  }

  private static ModelScores of(
      Evaluator ofTraining, Evaluator ofHeldOut, Backbone model, UnlearnData data, Store store) {
    ImageSet train = data.dataset().train();
    ImageSet heldOut = data.dataset().heldOut();
    Split split = data.split();
    int classes = model.arch().classes();
    double[][] probabilities = new double[split.forget().length][];
    SetStatistics forget =
        ofTraining.statistics(
            model,
            train,
            split.forget(),
            "forget",
            probabilitiesInto(
                probabilities, classes, store.open("forget", split.forget().length, classes)));
    return new ModelScores(
        new Evaluation(
            forget,
            statistics(ofTraining, model, train, split.retain(), "retain", store),
            statistics(ofHeldOut, model, heldOut, split.val(), "val", store),
            statistics(ofHeldOut, model, heldOut, split.test(), "test", store)),
        probabilities);
  }

  private static SetStatistics statistics(
      Evaluator evaluator,
      Backbone model,
      ImageSet images,
      int[] indices,
      String set,
      Store store) {
    LogitsSink sink =
        store == Store.NONE ? null : store.open(set, indices.length, model.arch().classes());
    return evaluator.statistics(model, images, indices, set, sink);
  }

  private static LogitsSink probabilitiesInto(double[][] all, int classes, LogitsSink next) {
    int[] done = {0};
    return rows -> {
      for (double[] row : Softmax.rows(rows, classes)) {
        all[done[0]++] = row;
      }
      next.accept(rows);
    };
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
