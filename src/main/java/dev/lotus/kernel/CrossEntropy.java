package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Cross entropy against labels, its gradient and the number of rows that are right, in one pass
 * over the logits: training from scratch, fine-tuning, random labels, gradient ascent (NegGrad).
 *
 * <pre>
 *   y the label, e the label smoothing, w the class weights, C' the classes of the row not at -inf
 *   loss_b     = (1 - e) w_y (-log softmax(x_b)_y) + e / C' sum_{c not at -inf} w_c (-log softmax(x_b)_c)
 *   gradient_b = gradientScale rowWeight_b d loss_b / d x_b
 *   correct   += [first argmax x_b = y]
 * </pre>
 *
 * <p>PyTorch's {@code cross_entropy} with reduction 'none' (its C' is C: without masked classes
 * they agree); its 'mean' is gradientScale = 1 / B, with class weights 1 / sum_b w_y. The loss is
 * written without the row's weight.
 *
 * <p>A class at -inf has probability 0 and adds nothing; a label on one costs an infinite loss,
 * unless its class weighs 0. A row with NaN or +inf, all at -inf, or (on CUDA, where labels cannot
 * be checked first) with a label outside 0 to C - 1 gets NaN loss and gradient, counts as wrong and
 * in {@code nonfiniteRows}, and touches no other row.
 */
public final class CrossEntropy {
  private static final String SYMBOL = "lotus_cross_entropy";

  private CrossEntropy() {}

  /**
   * What departs from the plain loss.
   *
   * @param classWeight [C] w, 0 or more, on the logits' device; null = 1
   * @param labelSmoothing e, 0 or more and less than 1
   * @param rowWeight [B] factor of each row's gradient; null = 1. -1 climbs: NegGrad on a forget
   *     row
   */
  public record Options(FloatPointer classWeight, double labelSmoothing, FloatPointer rowWeight) {
    public static final Options PLAIN = new Options(null, 0, null);
  }

  /**
   * What to write; any but not all of the first three may be null.
   *
   * @param correct one counter, added to
   * @param loss [B] fp32
   * @param gradient [B, C] in the logits' type; may be the logits themselves (in place), else
   *     overlaps no input
   * @param gradientScale factor of the gradient
   * @param nonfiniteRows one counter, added to; or null
   */
  public record Output(
      LongPointer correct,
      FloatPointer loss,
      Matrix gradient,
      float gradientScale,
      LongPointer nonfiniteRows) {}

  /**
   * Runs the operation.
   *
   * @param logits [B, C]
   * @param labels [B], 0 &lt;= label &lt; C
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if shapes, types, devices, values or (on the CPU, where they
   *     can be read) labels do not fit; nothing is written
   * @throws KernelException if the device fails
   */
  public static void run(
      Matrix logits, LongPointer labels, Options options, Output out, Pointer stream) {
    Kernels.given("logits", logits);
    Kernels.given("options", options);
    Kernels.given("out", out);
    Kernels.require("labels", labels, logits.rows());
    if (logits.device() == Matrix.CPU) {
      EvaluateLogits.requireLabels(logits, labels);
    }
    float smoothing = (float) options.labelSmoothing();
    if (!(smoothing >= 0 && smoothing < 1)) {
      throw new IllegalArgumentException(
          "label_smoothing is "
              + options.labelSmoothing()
              + "; it must be 0 or more and less than 1");
    }
    Kernels.requireRoom("class_weight", options.classWeight(), logits.cols());
    Kernels.requireRoom("row_weight", options.rowWeight(), logits.rows());
    Matrix gradient = out.gradient();
    if (out.correct() == null && out.loss() == null && gradient == null) {
      throw new IllegalArgumentException(
          "correct, loss and gradient are all null: nothing to compute");
    }
    if (gradient != null) {
      Kernels.requireLike("gradient", gradient, "logits", logits, logits.dtype());
    }
    Kernels.requireRoom("correct", out.correct(), 1);
    Kernels.requireRoom(logits.rows(), out.loss(), out.nonfiniteRows());
    Kernels.log(SYMBOL, logits, gradient);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_cross_entropy(
            logits.data(),
            logits.stride(),
            labels,
            logits.rows(),
            logits.cols(),
            logits.dtype().code(),
            options.classWeight(),
            smoothing,
            options.rowWeight(),
            out.correct(),
            out.loss(),
            gradient == null ? null : gradient.data(),
            gradient == null ? 0 : gradient.stride(),
            out.gradientScale(),
            out.nonfiniteRows(),
            logits.device(),
            stream));
  }
}
