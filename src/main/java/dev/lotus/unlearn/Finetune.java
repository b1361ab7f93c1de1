package dev.lotus.unlearn;

import dev.lotus.load.EpochOrder;
import dev.lotus.optim.FusedUpdate;
import dev.lotus.optim.WeightUpdate;
import java.util.List;

/**
 * Fine-tuning: cross entropy on all of D_r, SGD with momentum 0.9 (upstream {@code
 * naive_unlearning_class.py}). The forget set is only left out.
 */
final class Finetune implements UnlearnMethod {
  /** Momentum of the published baselines. */
  static final double MOMENTUM = 0.9;

  private EpochOrder samples;

  /** The published baselines' optimizer. */
  static FusedUpdate momentum(Task task) {
    return FusedUpdate.sgd(
        task.student().parameters(),
        task.config().learningRate(),
        MOMENTUM,
        task.config().weightDecay());
  }

  @Override
  public WeightUpdate optimizer(Task task) {
    return momentum(task);
  }

  @Override
  public void prepare(Task task) {
    samples = EpochOrder.of(task.data().split().retain());
  }

  @Override
  public List<Pass> passes(Task task, int epoch) {
    return List.of(Pass.of(samples, task.crossEntropy()));
  }
}
