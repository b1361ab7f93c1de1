package dev.lotus.optim;

/** Changes a fixed list of parameters by their gradients. Owns its moments until closed. */
public interface WeightUpdate extends AutoCloseable {
  /** One update of every parameter that has a gradient; parameters without one stay as they are. */
  void step();

  /** Drops all gradients, so that the next backward pass writes instead of adding. */
  void zeroGrad();

  /**
   * The rate of the steps to come.
   *
   * @throws dev.lotus.device.InputException if it is negative or not finite; 0 leaves the weights
   *     as they are
   */
  void learningRate(double rate);

  /** Frees the moments; the parameters stay. */
  @Override
  void close();
}
