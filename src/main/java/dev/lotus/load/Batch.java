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
 * @param start position in the epoch's order of the whole batch's first row
 * @param whole rows of the whole batch, of which other processes may have some; what is a mean over
 *     the batch is one over these
 * @param there flags, samples and indices beside the images, or null on the CPU, where they are
 *     made when they are asked for
 */
public record Batch(
    Tensor images,
    Tensor labels,
    byte[] isForget,
    long[] samples,
    int[] indices,
    int start,
    int whole,
    There there) {
  /**
   * The numbers of a batch's rows in the memory of a GPU.
   *
   * @param isForget bytes [B]
   * @param samples int64 [B]
   * @param indices int64 [B]
   */
  public record There(Tensor isForget, Tensor samples, Tensor indices) {}

  /** What the host knows of a batch's rows, as the record's parts of these names. */
  record Rows(byte[] isForget, long[] samples, int[] indices, int start, int whole) {}

  static Batch of(Tensor images, Tensor labels, Rows rows, There there) {
    return new Batch(
        images, labels, rows.isForget, rows.samples, rows.indices, rows.start, rows.whole, there);
  }

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
