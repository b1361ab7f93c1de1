package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.LearningRate;
import dev.lotus.optim.WeightUpdate;
import java.util.Arrays;
import java.util.List;

/**
 * What one method adds to {@link UnlearnLoop}: its optimizer, its preparation, and the passes of an
 * epoch. A new method is a class of this kind and a line in {@link UnlearnMethods}.
 */
public interface UnlearnMethod extends AutoCloseable {
  /** What every method is given. The method never changes {@code original}. */
  record Task(
      Engine engine, UnlearnData data, Backbone original, Backbone student, UnlearnConfig config) {
    /** Keeps the draw of retain samples apart from the orders of epochs 0, 1, ... */
    private static final long RETAIN_DRAW = -1;

    /** Whether the published code's way was asked for. */
    boolean quirk(UpstreamQuirk quirk) {
      return config.quirks().contains(quirk);
    }

    /** The share of D_r that takes part in the whole run, drawn by the seed; at least one. */
    int[] retainShare() {
      int[] retain = data.split().retain();
      int drawn = Math.max(1, (int) (retain.length * config.retainFraction()));
      int[] places = EpochOrder.permutation(retain.length, config.seed(), RETAIN_DRAW);
      int[] share = new int[drawn];
      Arrays.setAll(share, i -> retain[places[i]]);
      Arrays.sort(share);
      return share;
    }

    /** Cross entropy of the student, mean over the batch. */
    CrossEntropyStep crossEntropy() {
      return new CrossEntropyStep(engine, student);
    }
  }

  /**
   * What a method decided about the epoch that is to begin.
   *
   * @param stop true ends the run before the epoch
   * @param tau temperature, were the epoch to run, or null
   * @param accForget accuracy on the forget set it was taken from, or null
   * @param accUnseen accuracy on unseen data it was taken from, or null
   */
  record Begin(boolean stop, Double tau, Double accForget, Double accUnseen) {
    /** Goes on without having measured anything. */
    static final Begin GO = new Begin(false, null, null, null);
  }

  /** The optimizer over the student's parameters; called before {@link #prepare}. */
  WeightUpdate optimizer(Task task);

  /**
   * Whether another optimizer over the same parameters may take its place: not where the method
   * does more with it than to step.
   */
  default boolean takesAnyOptimizer() {
    return true;
  }

  /** The learning rate of each epoch. */
  default LearningRate rate(UnlearnConfig config) {
    return LearningRate.constant(config.learningRate());
  }

  /** Most epochs of a run. */
  default int epochs(UnlearnConfig config) {
    return config.epochs();
  }

  /** Images a step. */
  default int batch(UnlearnConfig config) {
    return config.batch();
  }

  /**
   * Whether several processes, or one that cuts its batches for BatchNorm, compute what one does
   * with whole batches.
   */
  default boolean shares(UnlearnConfig config) {
    return true;
  }

  /** Once, before the first epoch; its time counts. */
  void prepare(Task task);

  /** Before each epoch, from 0. */
  default Begin begin(Task task, int epoch) {
    return Begin.GO;
  }

  /**
   * In place of {@link #begin} where a run goes on in the middle of an epoch: the student and the
   * optimizer are as they were, what the method decided at the epoch's begin is given. What else a
   * method keeps it computes again from the original in {@link #prepare}.
   */
  default void resume(Task task, Begin begun) {}

  /** The passes of an epoch, in their order, whatever ran before; at least one. */
  List<Pass> passes(Task task, int epoch);

  /** After each epoch's passes. */
  default void end(Task task) {}

  /** Frees what {@link #prepare} made. */
  @Override
  default void close() {}
}
