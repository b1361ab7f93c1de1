package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Everything an evaluation wants, from one read of the logits.
 *
 * <pre>
 *   correct   += [first argmax x_b = label_b]
 *   loss_b     = -log softmax(x_b)_label            entropy_b = -sum_c p_bc log p_bc, p_b = softmax(x_b), nats
 *   sums[slot(label_b)] += p_b                      counts[slot(label_b)] += 1
 * </pre>
 *
 * <p>Sums are fp64 and taken in the order of the rows: the same bits for any number of threads. A
 * class at -inf has probability 0. A row with NaN or +inf, or all at -inf, counts as wrong, gets
 * NaN, is left out of the sums and is counted in {@code nonfiniteRows}. Where sums are all that is
 * asked, a row that {@code classSlot} leaves out is not read, and so not counted.
 */
public final class EvaluateLogits {
  private static final String SYMBOL = "lotus_evaluate_logits";

  private EvaluateLogits() {}

  /**
   * Sums of the softmax by label.
   *
   * @param sums [K, C] fp64, added to
   * @param counts [K], added to
   * @param classSlot [C] row of {@code sums} for each label, negative to leave the label out; null
   *     = the label itself
   * @param slots K
   */
  public record ClassSums(
      DoublePointer sums, LongPointer counts, IntPointer classSlot, long slots) {
    void require(long cols) {
      Kernels.require("class_sums", sums, slots * cols);
      Kernels.require("class_counts", counts, slots);
      Kernels.requireRoom("class_slot", classSlot, cols);
      if (slots < 1 || (classSlot == null && slots < cols)) {
        throw new IllegalArgumentException(
            "slots is "
                + slots
                + "; without class_slot it must be at least the "
                + cols
                + " columns");
      }
    }
  }

  /**
   * What to write; any may be null.
   *
   * @param correct one counter, added to
   * @param loss [B]
   * @param entropy [B], nats
   * @param nonfiniteRows one counter, added to
   */
  public record Output(
      LongPointer correct,
      FloatPointer loss,
      FloatPointer entropy,
      ClassSums classSums,
      LongPointer nonfiniteRows) {}

  /**
   * Runs the operation.
   *
   * @param logits [B, C]
   * @param labels [B], 0 &lt;= label &lt; C
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if shapes or (on the CPU, where they can be read) labels do
   *     not fit
   * @throws KernelException if the device fails
   */
  public static void run(Matrix logits, LongPointer labels, Output out, Pointer stream) {
    Kernels.given("logits", logits);
    Kernels.given("out", out);
    Kernels.require("labels", labels, logits.rows());
    if (logits.device() == Matrix.CPU) {
      requireLabels(logits, labels);
    }
    Kernels.requireRoom("correct", out.correct(), 1);
    Kernels.requireRoom("entropy", out.entropy(), logits.rows());
    Kernels.requireRoom(logits.rows(), out.loss(), out.nonfiniteRows());
    ClassSums sums = out.classSums();
    if (sums != null) {
      sums.require(logits.cols());
    }
    Kernels.log(SYMBOL, logits);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_evaluate_logits(
            logits.data(),
            logits.stride(),
            labels,
            logits.rows(),
            logits.cols(),
            logits.dtype().code(),
            out.correct(),
            out.loss(),
            out.entropy(),
            sums == null ? null : sums.sums(),
            sums == null ? 0 : logits.cols(),
            sums == null ? null : sums.counts(),
            sums == null ? null : sums.classSlot(),
            sums == null ? 0 : sums.slots(),
            out.nonfiniteRows(),
            logits.device(),
            stream));
  }

  static void requireLabels(Matrix logits, LongPointer labels) {
    for (long b = 0; b < logits.rows(); b++) {
      long label = labels.get(b);
      if (label < 0 || label >= logits.cols()) {
        throw new IllegalArgumentException(
            "the label of row " + b + " is " + label + "; it must be 0 to " + (logits.cols() - 1));
      }
    }
  }
}
