package dev.lotus.unlearn;

import dev.lotus.device.ComputeDevice;
import dev.lotus.kernel.CrossEntropy;
import dev.lotus.kernel.Distillation;
import dev.lotus.kernel.Distillation.Teachers;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Losses on a batch's logits by the kernels, whose gradients add up, and one backward pass from
 * their sum. Belongs to the caller's scope.
 */
final class LogitLoss {
  private final ComputeDevice device;
  private final Tensor recorded_BC;
  private final Tensor logits_BC;
  private final Tensor gradient_BC;
  private boolean written;

  /**
   * @param logits_BC recorded by autograd
   */
  LogitLoss(ComputeDevice device, Tensor logits_BC) {
    this.device = device;
    this.recorded_BC = logits_BC;
    this.logits_BC = logits_BC.detach().contiguous();
    this.gradient_BC = torch.empty_like(this.logits_BC);
  }

  /**
   * Cross entropy against labels; the first of the losses.
   *
   * @param labels_B int64
   * @param scale factor of the rows' losses in what is minimised; negative climbs
   * @return the rows' losses [B], fp32, without the factor
   */
  Tensor crossEntropy(Tensor labels_B, double scale) {
    if (written) {
      throw new IllegalStateException("cross entropy replaces the gradient: it comes first");
    }
    Tensor losses_B = losses();
    CrossEntropy.run(
        TensorMatrix.of(logits_BC, device),
        TensorMatrix.longs(labels_B, 0),
        CrossEntropy.Options.PLAIN,
        new CrossEntropy.Output(
            null,
            TensorMatrix.floats(losses_B, 0),
            TensorMatrix.of(gradient_BC, device),
            (float) scale,
            null),
        TensorMatrix.stream(device));
    written = true;
    return losses_B;
  }

  /**
   * The divergence from a teacher, added to what the gradient holds.
   *
   * @param teacher_BC logits
   * @param scale factor of the rows' divergences in what is minimised; negative climbs
   * @return the rows' divergences [B], fp32, without the factor
   */
  Tensor distil(Tensor teacher_BC, double temperature, double scale) {
    return distil(Teachers.one(matrix(teacher_BC)), temperature, scale);
  }

  /**
   * The divergence of rows that follow one of two teachers.
   *
   * @param useOther_B bytes, 1 where a row follows {@code other_BC}
   */
  Tensor distil(
      Tensor teacher_BC, Tensor other_BC, Tensor useOther_B, double temperature, double scale) {
    Teachers teachers =
        new Teachers(matrix(teacher_BC), matrix(other_BC), TensorMatrix.bytes(useOther_B));
    return distil(teachers, temperature, scale);
  }

  private Tensor distil(Teachers teachers, double temperature, double scale) {
    Tensor losses_B = losses();
    Distillation.run(
        TensorMatrix.of(logits_BC, device),
        teachers,
        temperature,
        null,
        new Distillation.Output(
            TensorMatrix.floats(losses_B, 0),
            TensorMatrix.of(gradient_BC, device),
            (float) scale,
            written,
            null),
        TensorMatrix.stream(device));
    written = true;
    return losses_B;
  }

  /** From the logits to the weights. */
  void backward() {
    recorded_BC.backward(gradient_BC, new BoolOptional(), false, new TensorArrayRefOptional());
  }

  private dev.lotus.kernel.Matrix matrix(Tensor teacher_BC) {
    return TensorMatrix.of(teacher_BC.to(logits_BC.scalar_type()).contiguous(), device);
  }

  private Tensor losses() {
    return Evaluator.zeros(device, logits_BC.size(0));
  }
}
