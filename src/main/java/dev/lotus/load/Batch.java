package dev.lotus.load;

import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * B images on the device. The tensors belong to the scope in which the batch was made.
 *
 * @param images fp32 [B, channels, height, width], normalised
 * @param labels int64 [B]
 * @param isForget [B], 1 where the image is to be forgotten, else 0
 * @param samples [B], positions in the epoch's order: the {@code sample} numbers of the loss's
 *     noise
 * @param indices [B], places in the image set
 * @param there the last three beside the images, or null on the CPU, where they are made when they
 *     are asked for
 */
public record Batch(
    Tensor images, Tensor labels, byte[] isForget, long[] samples, int[] indices, There there) {
  /**
   * The numbers of a batch's rows in the memory of a GPU.
   *
   * @param isForget bytes [B]
   * @param samples int64 [B]
   * @param indices int64 [B]
   */
  public record There(Tensor isForget, Tensor samples, Tensor indices) {}

  /** B. */
  public int size() {
    return indices.length;
  }

  /** {@link #isForget} as bytes on the device; of the caller's scope where it is the CPU. */
  public Tensor flags() {
    return there == null ? torch.tensor(isForget) : there.isForget();
  }

  /** {@link #samples} as int64 on the device; of the caller's scope where it is the CPU. */
  public Tensor positions() {
    return there == null ? torch.tensor(samples) : there.samples();
  }

  /** {@link #indices} as int64 on the device; of the caller's scope where it is the CPU. */
  public Tensor places() {
    return there == null
        ? torch.tensor(Arrays.stream(indices).asLongStream().toArray())
        : there.indices();
  }
}
