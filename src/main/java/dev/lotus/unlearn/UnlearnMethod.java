package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.WeightUpdate;

/**
 * What one method adds to {@link UnlearnLoop}: its optimizer, its preparation, and what an epoch
 * looks at and computes. A new method is a class of this kind and a line in {@link UnlearnMethods}.
 */
public interface UnlearnMethod extends AutoCloseable {
  /** What every method is given. The method never changes {@code original}. */
  record Task(
      Engine engine, UnlearnData data, Backbone original, Backbone student, UnlearnConfig config) {}

  /**
   * What a method decided about the epoch that is to begin.
   *
   * @param stop true ends the run before the epoch
   * @param tau temperature, or null
   * @param accForget accuracy on the forget set it was taken from, or null
   * @param accUnseen accuracy on unseen data it was taken from, or null
   */
  record Begin(boolean stop, Double tau, Double accForget, Double accUnseen) {
    /** Goes on without having measured anything. */
    static final Begin GO = new Begin(false, null, null, null);
  }

  /** The optimizer over the student's parameters. */
  WeightUpdate optimizer(Task task);

  /** Once, before the first epoch; its time counts. */
  void prepare(Task task);

  /** Before each epoch, from 0. */
  Begin begin(Task task, int epoch);

  /** The samples of an epoch; the loop shuffles them. */
  EpochOrder samples();

  /** Loss and backward pass of a step. */
  EpochRunner.Step step();

  /** Frees what {@link #prepare} made. */
  @Override
  void close();
}
