package dev.lotus.load;

import org.bytedeco.pytorch.Tensor;

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
 */
public record Batch(
    Tensor images,
    Tensor labels,
    byte[] isForget,
    long[] samples,
    int[] indices,
    int start,
    int whole) {
  /** B. */
  public int size() {
    return indices.length;
  }
}
