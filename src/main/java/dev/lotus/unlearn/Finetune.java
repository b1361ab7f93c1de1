package dev.lotus.unlearn;

import dev.lotus.load.EpochOrder;
import dev.lotus.optim.Optimizers;
import dev.lotus.optim.WeightUpdate;

/**
 * Fine-tuning: cross-entropy on all of D_r, SGD with momentum 0.9 (upstream {@code
 * naive_unlearning_class.py}). The forget set is only left out.
 */
final class Finetune implements UnlearnMethod {
  private static final double MOMENTUM = 0.9;
  private EpochOrder samples;

  @Override
  public WeightUpdate optimizer(Task task) {
    return Optimizers.sgd(
        task.student().parameters(),
        task.config().learningRate(),
        MOMENTUM,
        task.config().weightDecay());
  }

  @Override
  public void prepare(Task task) {
    samples = EpochOrder.of(task.data().split().retain());
  }

  @Override
  public Begin begin(Task task, int epoch) {
    return Begin.GO;
  }

  @Override
  public EpochOrder samples() {
    return samples;
  }

  @Override
  public EpochRunner.Step step() {
    return new CrossEntropyStep();
  }

  @Override
  public void close() {}
}
