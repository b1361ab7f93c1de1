package dev.lotus.bench;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.Precision;
import dev.lotus.load.Batch;
import dev.lotus.optim.Optimizers;
import dev.lotus.optim.WeightUpdate;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * A LoTUS step as the published code takes it (upstream {@code lotus_class.py:219-252}), eager and
 * in fp32: the teacher runs on every batch, the loss is composed of libtorch's operations, tensors
 * have PyTorch's usual memory order, and AdamW is libtorch's own. Its batch is ready-made: loading
 * costs it nothing.
 */
final class ComposedStep implements AutoCloseable {
  /** Where the noise of a step comes from. */
  interface Noise {
    /** libtorch's own generator. */
    Noise DRAWN = (like, hard) -> ComposedLoss.noise(like);

    /** Gumbel noise [B, C] of the retain targets (hard) or the forget targets. */
    Tensor of(Tensor like, boolean hard);
  }

  private final ComputeDevice device;
  private final Backbone teacher;
  private final Backbone student;
  private final WeightUpdate update;

  /**
   * @param original stays as it is
   */
  ComposedStep(ComputeDevice device, Backbone original, double learningRate, double weightDecay) {
    this.device = device;
    teacher = original.copy();
    teacher.channelsLast(false);
    teacher.train(false);
    student = teacher.copy();
    student.train(true);
    update = Optimizers.adamW(student.parameters(), learningRate, weightDecay);
  }

  /** Takes the step and returns its loss, which belongs to the caller's scope. */
  Tensor run(Batch batch, double tau, Noise noise) {
    try (Precision.Mode mode = Precision.FP32.arithmetic(device)) {
      Tensor images = batch.images();
      update.zeroGrad();
      Tensor teacher_BC;
      try (NoGradGuard noGrad = new NoGradGuard()) {
        teacher_BC = teacher.forward(images);
      }
      Tensor student_BC = student.forward(images);
      Tensor flags = batch.flags().to(student_BC.scalar_type());
      Tensor isForget = flags.to(device.torch(), flags.scalar_type()).view(-1, 1);
      Tensor loss =
          ComposedLoss.loss(
              student_BC,
              teacher_BC,
              isForget,
              tau,
              noise.of(teacher_BC, true),
              noise.of(teacher_BC, false));
      loss.backward();
      update.step();
      return loss;
    }
  }

  /** The model under training. */
  Backbone student() {
    return student;
  }

  @Override
  public void close() {
    update.close();
    student.close();
    teacher.close();
  }
}
