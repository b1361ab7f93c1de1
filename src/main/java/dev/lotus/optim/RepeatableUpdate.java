package dev.lotus.optim;

/**
 * An update whose step can be queued once and repeated as it stands, as a captured CUDA graph does:
 * what changes from step to step is in the memory of the parameters' device.
 */
public interface RepeatableUpdate extends WeightUpdate {
  /**
   * Begins one more step: counts it, and puts what its number and the learning rate come to where
   * {@link #repeatable} finds it.
   */
  void feed();

  /** Queues the step that was fed last; every time that this is repeated, that of its time. */
  void repeatable();
}
