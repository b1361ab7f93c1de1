package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * How the entropies of a batch's softmax outputs are distributed, counted where the logits are.
 *
 * <pre>
 *   counts[clamp(floor((entropy_b - low) / (high - low) * bins), 0, bins - 1)] += 1,
 *   entropy_b = -sum_c p_bc log p_bc, p_b = softmax(x_b), nats: 0 to log C
 * </pre>
 *
 * <p>The entropies are those of {@link EvaluateLogits}, bit for bit, and the bin is found in fp64.
 * The last bin is closed; an entropy outside [low, high] counts in the first or the last. A row
 * with NaN or +inf, or all at -inf, is in no bin and is counted in {@code nonfiniteRows}.
 */
public final class EntropyHistogram {
  private static final String SYMBOL = "lotus_entropy_histogram";

  private EntropyHistogram() {}

  /**
   * Adds one batch.
   *
   * @param logits [B, C]
   * @param low lower edge of the first bin, nats
   * @param high upper edge of the last bin, nats, above {@code low}
   * @param bins at least 1
   * @param counts [bins], added to
   * @param nonfiniteRows one counter, added to; or null
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if an edge is not finite, they are not in order, there is no
   *     bin, or {@code counts} is too small
   * @throws KernelException if the device fails
   */
  public static void run(
      Matrix logits,
      float low,
      float high,
      int bins,
      LongPointer counts,
      LongPointer nonfiniteRows,
      Pointer stream) {
    Kernels.given("logits", logits);
    if (!Float.isFinite(low) || !Float.isFinite(high) || !(low < high)) {
      throw new IllegalArgumentException(
          "low is " + low + ", high is " + high + "; they must be finite, low below high");
    }
    if (bins < 1) {
      throw new IllegalArgumentException("bins is " + bins + "; it must be 1 or more");
    }
    Kernels.require("counts", counts, bins);
    Kernels.requireRoom("nonfinite_rows", nonfiniteRows, 1);
    Kernels.log(SYMBOL, logits);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_entropy_histogram(
            logits.data(),
            logits.stride(),
            logits.rows(),
            logits.cols(),
            logits.dtype().code(),
            low,
            high,
            bins,
            counts,
            nonfiniteRows,
            logits.device(),
            stream));
  }
}
