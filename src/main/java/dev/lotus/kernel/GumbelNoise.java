package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Gumbel(0, 1) noise of {@link Philox}'s words: what {@link GumbelCrossEntropy} and {@link
 * GumbelSoftmax} make inside, ready-made.
 *
 * <pre>
 *   out_bc = -log(-log u),   u = ((word >>> 8) + 0.5) 2^-24   of (seed, step, stream, sample_b, c)
 * </pre>
 *
 * <p>u is in (0, 1) and never rounded, so that every draw is finite: from -2.85 to 17.33.
 */
public final class GumbelNoise {
  private static final String SYMBOL = "lotus_gumbel_noise";

  private GumbelNoise() {}

  /**
   * Runs the operation.
   *
   * @param seed Philox key
   * @param step fourth word of the counter
   * @param streamId 0 to 255: {@link Philox#FORGET_TARGET}, {@link Philox#RETAIN_TARGET}, ...
   * @param samples [B] each row's position in the global epoch order, on {@code out}'s device; null
   *     = the row's index
   * @param out [B, C] to write
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if a value or shape does not fit; nothing is written
   * @throws KernelException if the device fails
   */
  public static void run(
      long seed, int step, int streamId, LongPointer samples, Matrix out, Pointer stream) {
    Kernels.given("out", out);
    Kernels.requireStreamId(streamId);
    Kernels.requireRoom("samples", samples, out.rows());
    Kernels.log(SYMBOL, out);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_gumbel_noise(
            seed,
            step,
            streamId,
            samples,
            out.rows(),
            out.cols(),
            out.dtype().code(),
            out.data(),
            out.stride(),
            out.device(),
            stream));
  }
}
