package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.backbone.TorchScript;
import dev.lotus.data.SplitMix;
import dev.lotus.device.InputException;
import dev.lotus.kernel.Distillation.Reduction;
import dev.lotus.load.Batch;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.FusedUpdate;
import dev.lotus.optim.WeightUpdate;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * Bad Teaching (Chundawat et al., AAAI 2023; upstream {@code bad_teaching_class.py}): the student
 * follows the original on a share of D_r and an untrained network of the same architecture on D_f.
 *
 * <pre>
 *   loss = mean over the batch of KL(teacher of the row || student),   temperature 1
 * </pre>
 *
 * <p>Both teachers are in evaluation mode. Adam at 1e-4, D_f and 0.3 of D_r, shuffled. Quirks:
 * {@link UpstreamQuirk#BAD_TEACHER_KL_MEAN}, {@link UpstreamQuirk#BAD_TEACHER_UNSHUFFLED}.
 */
final class BadTeacher implements UnlearnMethod {
  /** Of the paper and upstream. */
  private static final double TEMPERATURE = 1;

  /**
   * Keeps the bad teacher's weights apart from those that training of the same seed begins with.
   */
  private static final long STREAM = 0x626164L;

  private Task task;
  private EpochOrder samples;
  private Backbone bad;
  private TeacherLogits good_NC;
  private TeacherLogits bad_NC;

  @Override
  public WeightUpdate optimizer(Task task) {
    return FusedUpdate.adam(
        task.student().parameters(), task.config().learningRate(), task.config().weightDecay());
  }

  /**
   * @throws InputException if the original is a TorchScript program
   */
  @Override
  public void prepare(Task task) {
    this.task = task;
    if (task.original() instanceof TorchScript) {
      throw new InputException(
          "--method bad-teacher draws an untrained network like the original; a TorchScript"
              + " program does not say how");
    }
    samples = EpochOrder.of(task.data().split().forget(), task.retainShare());
    bad = Backbones.create(task.original().arch());
    bad.initialise(SplitMix.hash(task.config().seed(), STREAM));
    task.engine().place(bad);
    good_NC = TeacherLogits.of(task, samples);
    bad_NC = TeacherLogits.of(task, bad, samples);
  }

  @Override
  public List<Pass> passes(Task task, int epoch) {
    Pass pass = Pass.of(samples, this::backward);
    return List.of(task.quirk(UpstreamQuirk.BAD_TEACHER_UNSHUFFLED) ? pass.inOrder() : pass);
  }

  private void backward(Batch batch, int step, Tensor losses_B) {
    Tensor logits_BC = task.engine().logits(task.student(), batch.images());
    Reduction reduction =
        task.quirk(UpstreamQuirk.BAD_TEACHER_KL_MEAN)
            ? Reduction.BAD_TEACHER
            : Reduction.BATCH_MEAN;
    double scale = reduction.scale(batch.whole(), logits_BC.size(1), TEMPERATURE);
    LogitLoss loss = new LogitLoss(task.engine().device(), logits_BC);
    Tensor isForget = batch.flags();
    Tensor kl_B = loss.distil(good_NC.of(batch), bad_NC.of(batch), isForget, TEMPERATURE, scale);
    loss.backward();
    losses_B.copy_(kl_B.mul(new Scalar(scale * batch.whole())));
  }

  @Override
  public void close() {
    for (TeacherLogits logits : new TeacherLogits[] {good_NC, bad_NC}) {
      if (logits != null) {
        logits.close();
      }
    }
    if (bad != null) {
      bad.close();
    }
  }
}
