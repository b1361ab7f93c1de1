package dev.lotus.unlearn;

import dev.lotus.load.EpochOrder;

/**
 * One walk over samples within an epoch.
 *
 * @param phase what it is for, in a word; null where it is the whole epoch
 * @param order the samples
 * @param shuffled whether their order is drawn anew each epoch
 * @param training whether the student is in training mode; else in evaluation mode
 * @param step what is computed of a batch
 * @param backwards backward passes through the student that a step takes, each after one forward
 *     pass
 */
public record Pass(
    String phase,
    EpochOrder order,
    boolean shuffled,
    boolean training,
    EpochRunner.Step step,
    int backwards) {
  /** A whole epoch of training. */
  static Pass of(EpochOrder order, EpochRunner.Step step) {
    return of(null, order, step);
  }

  /** A part of an epoch of training. */
  static Pass of(String phase, EpochOrder order, EpochRunner.Step step) {
    return new Pass(phase, order, true, true, step, 1);
  }

  /** The same with so many backward passes a step. */
  Pass backwards(int passes) {
    return new Pass(phase, order, shuffled, training, step, passes);
  }

  /** The same samples in the order given. */
  Pass inOrder() {
    return new Pass(phase, order, false, training, step, backwards);
  }

  /** The same with the student in evaluation mode. */
  Pass evaluating() {
    return new Pass(phase, order, shuffled, false, step, backwards);
  }

  /** The same samples for another step. */
  Pass with(EpochRunner.Step other) {
    return new Pass(phase, order, shuffled, training, other, backwards);
  }
}
