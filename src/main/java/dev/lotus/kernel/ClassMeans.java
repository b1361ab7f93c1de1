package dev.lotus.kernel;

import dev.lotus.kernel.EvaluateLogits.ClassSums;
import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Mean softmax of each class, batch by batch: the class sums of {@link EvaluateLogits} alone.
 *
 * <pre>
 *   sums[slot(label_b)] += softmax(x_b)      counts[slot(label_b)] += 1      mean k = sums[k] / counts[k]
 * </pre>
 *
 * <p>The two sides of {@link RetrainFreeJsd} are made of it. Sums are fp64 and taken in the order
 * of the rows. A row that {@code classSlot} leaves out is not read. A row with NaN or +inf, or all
 * at -inf, is in no sum and is counted in {@code nonfiniteRows}.
 */
public final class ClassMeans {
  private static final String SYMBOL = "lotus_class_means";

  private ClassMeans() {}

  /**
   * Adds one batch.
   *
   * @param logits [B, C]
   * @param labels [B], 0 &lt;= label &lt; C
   * @param sums what is added to
   * @param nonfiniteRows one counter, added to; or null
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if shapes or (on the CPU, where they can be read) labels do
   *     not fit
   * @throws KernelException if the device fails
   */
  public static void run(
      Matrix logits,
      LongPointer labels,
      ClassSums sums,
      LongPointer nonfiniteRows,
      Pointer stream) {
    Kernels.given("logits", logits);
    Kernels.require("labels", labels, logits.rows());
    if (logits.device() == Matrix.CPU) {
      EvaluateLogits.requireLabels(logits, labels);
    }
    Kernels.given("class_sums", sums).require(logits.cols());
    Kernels.requireRoom("nonfinite_rows", nonfiniteRows, 1);
    Kernels.log(SYMBOL, logits);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_class_means(
            logits.data(),
            logits.stride(),
            labels,
            logits.rows(),
            logits.cols(),
            logits.dtype().code(),
            sums.sums(),
            logits.cols(),
            sums.counts(),
            sums.classSlot(),
            sums.slots(),
            nonfiniteRows,
            logits.device(),
            stream));
  }
}
