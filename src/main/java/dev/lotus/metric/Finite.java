package dev.lotus.metric;

import dev.lotus.device.ResultException;

/** What every number of {@link Metrics} must be. */
final class Finite {
  private Finite() {}

  /**
   * @throws ResultException where the value is NaN or infinite
   */
  static void require(String key, Double value) {
    if (value != null && !Double.isFinite(value)) {
      throw new ResultException(
          "metric " + key + " is " + value + ": a model's output was not finite");
    }
  }
}
