package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.kernel.Distillation.Reduction;
import dev.lotus.load.Batch;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.FusedUpdate;
import dev.lotus.optim.WeightUpdate;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * SCRUB (Kurmanji et al., NeurIPS 2023, algorithm 1; upstream {@code scrub_class.py}): the original
 * teaches, T = 4; an epoch first climbs, then descends.
 *
 * <pre>
 *   max, on D_f:   - KL_T(teacher || student)
 *   min, on D_r:     CE + KL_T(teacher || student),   KL_T = T^2 mean over the batch
 * </pre>
 *
 * <p>In the last third of the epochs the student only descends: it recovers what climbing broke
 * (the authors climb in two of three). Adam at 5e-4 with weight decay 0.1 in the gradient, 5e-4 on
 * CIFAR-100. {@link UpstreamQuirk#SCRUB_NO_OP}: a copy of the student learns and is thrown away.
 */
final class Scrub implements UnlearnMethod {
  private static final double TEMPERATURE = 4;

  private Task task;
  private EpochOrder forget;
  private EpochOrder retain;
  private TeacherLogits teacher;
  private Backbone student;
  private Backbone copy;

  @Override
  public WeightUpdate optimizer(Task task) {
    return FusedUpdate.adam(
        task.student().parameters(), task.config().learningRate(), task.config().weightDecay());
  }

  @Override
  public void prepare(Task task) {
    this.task = task;
    forget = EpochOrder.of(task.data().split().forget());
    retain = EpochOrder.of(task.data().split().retain());
    teacher = TeacherLogits.of(task, EpochOrder.of(forget.indices(), retain.indices()));
    student = task.student();
    if (task.quirk(UpstreamQuirk.SCRUB_NO_OP)) {
      copy = task.student().copy();
      copy.train(true);
      student = copy;
    }
  }

  /** Not where the gradients are a copy's. */
  @Override
  public boolean shares(UnlearnConfig config) {
    return !config.quirks().contains(UpstreamQuirk.SCRUB_NO_OP);
  }

  /** Epochs that climb: two of three, the first among them. */
  static int climbing(int epochs) {
    return Math.max(1, 2 * epochs / 3);
  }

  @Override
  public List<Pass> passes(Task task, int epoch) {
    Pass max = Pass.of("max", forget, this::climb);
    Pass min = Pass.of("min", retain, this::descend);
    if (task.quirk(UpstreamQuirk.SCRUB_NO_OP)) {
      return List.of(min, max);
    }
    List<Pass> passes = new ArrayList<>();
    if (epoch < climbing(task.config().epochs())) {
      passes.add(max);
    }
    passes.add(min);
    return passes;
  }

  private void climb(Batch batch, int step, Tensor losses_B) {
    LogitLoss loss = loss(batch);
    Tensor kl_B = loss.distil(teacher.of(batch), TEMPERATURE, -scale(batch));
    loss.backward();
    losses_B.copy_(kl_B.mul(new Scalar(-scale(batch) * batch.whole())));
  }

  private void descend(Batch batch, int step, Tensor losses_B) {
    LogitLoss loss = loss(batch);
    Tensor ce_B = loss.crossEntropy(batch.labels(), 1.0 / batch.whole());
    Tensor kl_B = loss.distil(teacher.of(batch), TEMPERATURE, scale(batch));
    loss.backward();
    losses_B.copy_(ce_B.add(kl_B.mul(new Scalar(scale(batch) * batch.whole()))));
  }

  private LogitLoss loss(Batch batch) {
    return new LogitLoss(task.engine().device(), task.engine().logits(student, batch.images()));
  }

  private static double scale(Batch batch) {
    return Reduction.SCRUB.scale(batch.whole(), 0, TEMPERATURE);
  }

  @Override
  public void close() {
    if (teacher != null) {
      teacher.close();
    }
    if (copy != null) {
      copy.close();
    }
  }
}
