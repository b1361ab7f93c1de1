package dev.lotus.unlearn;

import dev.lotus.load.EpochOrder;
import dev.lotus.optim.FusedUpdate;
import dev.lotus.optim.LearningRate;
import dev.lotus.optim.WeightUpdate;
import java.util.List;

/**
 * The gold standard: new weights drawn by the seed, trained on D_r alone as {@link TrainLoop} does,
 * bit for bit. Of the original it takes only the architecture.
 */
final class Retrain implements UnlearnMethod {
  private EpochOrder samples;

  @Override
  public WeightUpdate optimizer(Task task) {
    return FusedUpdate.sgd(
        task.student().parameters(),
        task.config().learningRate(),
        TrainLoop.MOMENTUM,
        task.config().weightDecay());
  }

  @Override
  public LearningRate rate(UnlearnConfig config) {
    return TrainLoop.schedule(config.learningRate(), config.epochs());
  }

  /**
   * @throws dev.lotus.device.InputException if the student is a TorchScript program: nothing says
   *     how its weights are drawn
   */
  @Override
  public void prepare(Task task) {
    task.student().initialise(task.config().seed());
    samples = EpochOrder.of(task.data().split().retain());
  }

  @Override
  public List<Pass> passes(Task task, int epoch) {
    return List.of(Pass.of(samples, task.crossEntropy()));
  }
}
