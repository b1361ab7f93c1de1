package dev.lotus.experiment;

import dev.lotus.data.Normalization;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.Precision;
import dev.lotus.device.TorchRuntime;
import dev.lotus.unlearn.Engine;

/** What small experiments compute with. */
final class SmallEngine {
  private SmallEngine() {}

  /** One thread: such small steps spend more on waiting for each other than on the work. */
  static Engine open() {
    TorchRuntime.load(1);
    return new Engine(
        ComputeDevice.CPU,
        Precision.FP32,
        Normalization.uniform(3, 0.5f, 0.25f),
        Engine.Listener.NONE);
  }
}
