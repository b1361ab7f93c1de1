package dev.lotus.kernel;

import dev.lotus.kernel.GumbelCrossEntropy.Noise;
import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * A sample of the Gumbel-Softmax distribution a row (Jang et al., ICLR 2017; Maddison et al., ICLR
 * 2017): the targets of {@link GumbelCrossEntropy}, for those who want to see them.
 *
 * <pre>
 *   g ~ Gumbel(0, 1) independent
 *   SOFT   out_b = softmax((x_b + g_b) / tau)
 *   HARD   out_b = onehot(argmax(x_b + g_b)), the first of equal scores; tau changes nothing
 * </pre>
 *
 * <p>Noise is {@link GumbelNoise}'s, or ready-made. A class at -inf gets 0. A row with NaN or +inf,
 * in the logits or in ready-made noise, or all at -inf, gets NaN, is counted in {@code
 * nonfiniteRows} and touches no other row.
 */
public final class GumbelSoftmax {
  private static final String SYMBOL = "lotus_gumbel_softmax";

  /** What is written. */
  public enum Sample {
    /** softmax((x + g) / tau). */
    SOFT,
    /** onehot(argmax(x + g)). */
    HARD
  }

  private GumbelSoftmax() {}

  /**
   * Runs the operation.
   *
   * @param logits [B, C]
   * @param tau temperature, positive and finite
   * @param noise where the noise comes from
   * @param streamId 0 to 255, the third part of the counter of noise that is made inside
   * @param out [B, C], of the logits' type and device; may be the logits themselves (in place),
   *     else overlaps no input
   * @param nonfiniteRows one counter, added to; or null
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if shapes, types, devices or values do not fit; nothing is
   *     written
   * @throws KernelException if the device fails
   */
  public static void run(
      Matrix logits,
      double tau,
      Sample sample,
      Noise noise,
      int streamId,
      Matrix out,
      LongPointer nonfiniteRows,
      Pointer stream) {
    Kernels.given("logits", logits);
    Kernels.given("sample", sample);
    Kernels.given("noise", noise);
    float temperature = Kernels.requirePositive("tau", tau);
    Kernels.requireStreamId(streamId);
    Kernels.requireRoom("samples", noise.samples(), logits.rows());
    if (noise.ready() != null) {
      Kernels.requireLike("noise", noise.ready(), "logits", logits, DType.FLOAT32);
    }
    Kernels.requireLike("out", out, "logits", logits, logits.dtype());
    Kernels.requireRoom("nonfinite_rows", nonfiniteRows, 1);
    Kernels.log(SYMBOL, logits, noise.ready(), out);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_gumbel_softmax(
            logits.data(),
            logits.stride(),
            logits.rows(),
            logits.cols(),
            logits.dtype().code(),
            temperature,
            sample.ordinal(),
            noise.seed(),
            noise.step(),
            streamId,
            noise.samples(),
            noise.ready() == null ? null : new FloatPointer(noise.ready().data()),
            noise.ready() == null ? 0 : noise.ready().stride(),
            out.data(),
            out.stride(),
            nonfiniteRows,
            logits.device(),
            stream));
  }
}
