package dev.lotus.unlearn;

import dev.lotus.data.ImageSet;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.DeviceNumbers;
import dev.lotus.kernel.GumbelCrossEntropy;
import dev.lotus.kernel.GumbelCrossEntropy.Noise;
import dev.lotus.kernel.GumbelCrossEntropy.Output;
import dev.lotus.load.Batch;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.FusedUpdate;
import dev.lotus.optim.WeightUpdate;
import java.util.List;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * LoTUS (Spartalis et al., CVPR 2025; upstream {@code lotus_class.py}): the student distils from
 * the original model on D_f and a share of D_r. Before each epoch the temperature is set from the
 * gap between the student's accuracy on D_f and the original's on unseen data; the run stops once
 * the student is worse on D_f than that.
 */
final class Lotus implements UnlearnMethod {
  /** Decimals of the published code's accuracies. */
  private static final int PUBLISHED_DECIMALS = 2;

  private final Temperature temperature;
  private final GumbelCrossEntropy loss;
  private EpochOrder samples;
  private double accUnseen;
  private double tau;
  private Task task;
  private TeacherLogits teacher;
  private DeviceNumbers draw;

  Lotus(UnlearnConfig config) {
    int decimals =
        config.quirks().contains(UpstreamQuirk.ACCURACY_ROUNDING)
            ? PUBLISHED_DECIMALS
            : config.accuracyRounding();
    this.temperature = new Temperature(config.alpha(), decimals);
    this.loss = new GumbelCrossEntropy(config.forgetTarget(), config.retainTarget());
  }

  @Override
  public WeightUpdate optimizer(Task task) {
    return FusedUpdate.adamW(
        task.student().parameters(), task.config().learningRate(), task.config().weightDecay());
  }

  @Override
  public void prepare(Task task) {
    this.task = task;
    samples = EpochOrder.of(task.data().split().forget(), task.retainShare());
    ImageSet heldOut = task.data().dataset().heldOut();
    // No unseen data of a forgotten class exist: its accuracy there is 0 by definition. A fixed
    // temperature asks for none.
    boolean noneUnseen = task.data().forgetsClass() && !task.quirk(UpstreamQuirk.SALUN_LOTUS_CLASS);
    accUnseen =
        noneUnseen || task.config().fixedTau() != null
            ? 0
            : new Evaluator(task.engine())
                .statistics(task.original(), heldOut, task.data().split().val(), "unseen")
                .accuracy();
    teacher = TeacherLogits.of(task, samples);
  }

  @Override
  public Begin begin(Task task, int epoch) {
    if (task.config().fixedTau() != null) {
      tau = task.config().fixedTau();
      return new Begin(false, tau, null, null);
    }
    double accForget = accForget(task, epoch);
    // The kernels take tau in fp32; beyond its range the target is uniform, as at the range's end.
    tau = Math.min(temperature.tau(accForget, accUnseen), Float.MAX_VALUE);
    return new Begin(temperature.stops(accForget, accUnseen), tau, accForget, accUnseen);
  }

  private double accForget(Task task, int epoch) {
    // Before the first epoch the student is its teacher.
    if (epoch == 0
        && teacher.accForget() != null
        && !task.quirk(UpstreamQuirk.AUGMENTED_EVALUATION)) {
      return teacher.accForget();
    }
    return Evaluator.ofTraining(task.engine(), task.config(), epoch)
        .statistics(
            task.student(), task.data().dataset().train(), task.data().split().forget(), "forget")
        .accuracy();
  }

  @Override
  public void resume(Task task, Begin begun) {
    tau = begun.tau();
  }

  @Override
  public List<Pass> passes(Task task, int epoch) {
    return List.of(Pass.of(samples, new Distillation()));
  }

  /** The published loss of a batch. */
  private final class Distillation implements EpochRunner.Repeatable {
    @Override
    public void backward(Batch batch, int step, Tensor losses_B) {
      Lotus.this.backward(batch, step, losses_B);
    }

    @Override
    public void feed(int step) {
      if (draw == null) {
        draw = new DeviceNumbers(task.engine().device(), 2);
      }
      draw.set(0, step);
      draw.set(1, (float) tau);
    }

    @Override
    public void repeated(Batch batch) {
      task.engine().listener().forward(task.student(), batch.images());
      teacher.repeated(batch);
    }
  }

  private void backward(Batch batch, int step, Tensor losses_B) {
    ComputeDevice device = task.engine().device();
    Tensor logits_BC = task.engine().logits(task.student(), batch.images());
    Tensor student_BC = logits_BC.detach().contiguous();
    Tensor teacher_BC = teacher.of(batch).to(student_BC.scalar_type());
    Tensor gradient_BC = torch.empty_like(student_BC);
    Tensor isForget = batch.flags();
    Tensor positions = batch.positions();
    loss.run(
        TensorMatrix.of(student_BC, device),
        TensorMatrix.of(teacher_BC, device),
        TensorMatrix.bytes(isForget),
        tau,
        new Noise(task.config().seed(), step, TensorMatrix.longs(positions, 0), null),
        new Output(
            TensorMatrix.floats(losses_B, 0),
            TensorMatrix.of(gradient_BC, device),
            1f / batch.whole(),
            null),
        draw == null ? null : draw.pointer(),
        TensorMatrix.stream(device));
    logits_BC.backward(gradient_BC, new BoolOptional(), false, new TensorArrayRefOptional());
  }

  @Override
  public void close() {
    if (teacher != null) {
      teacher.close();
    }
    if (draw != null) {
      draw.close();
    }
  }
}
