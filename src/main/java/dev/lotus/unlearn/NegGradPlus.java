package dev.lotus.unlearn;

import dev.lotus.load.Batch;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.WeightUpdate;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * NegGrad+ (Kurmanji et al., NeurIPS 2023, section 4): down on D_r and up on D_f in one step, a
 * batch of each.
 *
 * <pre>
 *   loss = beta mean CE(retain batch) - (1 - beta) mean CE(forget batch),   beta = 0.95 if not said
 * </pre>
 *
 * <p>An epoch goes through D_r once, D_f again and again. The authors tune beta by data set, close
 * below 1: 0.95 for small ones, 0.9999 for all of CIFAR-10. SGD with momentum 0.9 at upstream's
 * rate. {@link UpstreamQuirk#NEGGRAD_DESCENT}: down on D_f, then down on D_r (upstream {@code
 * naive_unlearning_class.py:93-99}).
 */
final class NegGradPlus implements UnlearnMethod {
  private Task task;
  private EpochOrder forget;
  private EpochOrder retain;
  private Partner forgetBatches;

  @Override
  public WeightUpdate optimizer(Task task) {
    return Finetune.momentum(task);
  }

  @Override
  public void prepare(Task task) {
    this.task = task;
    forget = EpochOrder.of(task.data().split().forget());
    retain = EpochOrder.of(task.data().split().retain());
    forgetBatches = new Partner(task, task.data().split().forget());
  }

  @Override
  public List<Pass> passes(Task task, int epoch) {
    if (task.quirk(UpstreamQuirk.NEGGRAD_DESCENT)) {
      return List.of(
          Pass.of("forget", forget, task.crossEntropy()),
          Pass.of("retain", retain, task.crossEntropy()));
    }
    forgetBatches.begin(retain.size(), epoch);
    return List.of(Pass.of(retain, this::backward).backwards(2));
  }

  private void backward(Batch batch, int step, Tensor losses_B) {
    double beta = task.config().beta();
    Batch up = forgetBatches.next(batch);
    LogitLoss onRetain = loss(batch);
    Tensor down_B = onRetain.crossEntropy(batch.labels(), beta / batch.whole());
    onRetain.backward();
    LogitLoss onForget = loss(up);
    Tensor up_B = onForget.crossEntropy(up.labels(), -(1 - beta) / up.whole());
    onForget.backward();
    losses_B.copy_(down_B.mul(new Scalar(beta)).sub(up_B.mean().mul(new Scalar(1 - beta))));
  }

  private LogitLoss loss(Batch batch) {
    return new LogitLoss(
        task.engine().device(), task.engine().logits(task.student(), batch.images()));
  }

  @Override
  public void close() {
    if (forgetBatches != null) {
      forgetBatches.close();
    }
  }
}
