package dev.lotus.optim;

import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** What a run's checkpoint keeps beside the weights, so that the steps to come are the same. */
public interface Resumable {
  /**
   * All that later steps depend on, by names of its own; live tensors, or copies in the caller's
   * scope. Empty before the first step.
   */
  Map<String, Tensor> state();

  /**
   * Takes up the values that {@link #state} had, in a new object of the same kind over the same
   * parameters.
   *
   * @param state tensors on the CPU, the caller's
   * @throws dev.lotus.device.InputException if a tensor is missing
   */
  void restore(Map<String, Tensor> state);
}
