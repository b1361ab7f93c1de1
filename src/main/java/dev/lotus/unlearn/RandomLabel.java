package dev.lotus.unlearn;

import dev.lotus.data.SplitMix;
import dev.lotus.load.Batch;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.WeightUpdate;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Random labels (Golatkar et al., CVPR 2020; Graves et al., AAAI 2021; upstream {@code relabel} in
 * {@code naive_unlearning_class.py}): each epoch first impairs, cross entropy on D_f under labels
 * drawn anew from all classes but the sample's own, then repairs, cross entropy on D_r. SGD with
 * momentum 0.9.
 */
final class RandomLabel implements UnlearnMethod {
  static final String IMPAIR = "impair";
  static final String REPAIR = "repair";

  /** Keeps the labels' numbers apart from others of the same seed. */
  private static final long STREAM = 0x6c6162656cL;

  private Task task;
  private EpochOrder forget;
  private EpochOrder retain;

  @Override
  public WeightUpdate optimizer(Task task) {
    return Finetune.momentum(task);
  }

  @Override
  public void prepare(Task task) {
    this.task = task;
    forget = EpochOrder.of(task.data().split().forget());
    retain = EpochOrder.of(task.data().split().retain());
  }

  @Override
  public List<Pass> passes(Task task, int epoch) {
    return List.of(
        Pass.of(IMPAIR, forget, (batch, step, losses_B) -> impair(batch, epoch, losses_B)),
        Pass.of(REPAIR, retain, task.crossEntropy()));
  }

  private void impair(Batch batch, int epoch, Tensor losses_B) {
    long[] labels = new long[batch.size()];
    int classes = task.student().arch().classes();
    for (int b = 0; b < labels.length; b++) {
      int index = batch.indices()[b];
      int own = task.data().dataset().train().label(index);
      labels[b] = label(task.config().seed(), epoch, index, own, classes);
    }
    Tensor labels_B = Evaluator.on(task.engine().device(), torch.tensor(labels));
    task.crossEntropy().backward(batch.images(), labels_B, batch.whole(), losses_B);
  }

  /**
   * The label that a sample gets in an epoch: any class but its own, each equally likely; its own
   * where there is no other.
   *
   * @param index of the training sample
   */
  static int label(long seed, int epoch, int index, int own, int classes) {
    if (classes < 2) {
      return own;
    }
    long key = SplitMix.hash(SplitMix.hash(seed, STREAM), epoch);
    return (own + 1 + new SplitMix(key, index).nextInt(classes - 1)) % classes;
  }
}
