package dev.lotus.backbone;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import java.util.LinkedHashMap;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * An image classifier. It owns its weights, whatever scope is open when it is made, until {@link
 * #close}; it is used by one thread at a time.
 *
 * <p>Shapes: B images, C classes; images_BCHW are normalised, fp32, on the backbone's device.
 */
public interface Backbone extends AutoCloseable {
  /** What this was built from. */
  Arch arch();

  /**
   * The logits of a batch.
   *
   * <p>In training mode BatchNorm takes the batch's own statistics and moves the running ones; in
   * evaluation mode it takes the running ones. Gradients are recorded unless the caller holds a
   * {@code NoGradGuard}. The result belongs to the caller's scope; nothing else outlives the call
   * but what autograd needs.
   *
   * @param images_BCHW any height and width from 1 up
   * @return logits [B, C], fp32 (bf16 under {@link dev.lotus.device.Precision#BF16})
   * @throws dev.lotus.device.InputException if the rank or the channels do not fit, or in training
   *     mode if the batch is one image so small that the last BatchNorm would see one value a
   *     channel
   */
  Tensor forward(Tensor images_BCHW);

  /**
   * Operations of one image's forward pass: two for each product of its convolutions and matrices,
   * padding included; NaN where that is not known.
   */
  default double flops(long height, long width) {
    return Double.NaN;
  }

  /** Training mode or evaluation mode; a new backbone is in training mode. */
  void train(boolean on);

  /**
   * While on, the caller promises that the weights stay as they are, so that passes in evaluation
   * mode may use a form of them prepared once (a BatchNorm's statistics folded into its
   * convolution): the same logits up to rounding, sooner.
   */
  default void frozen(boolean on) {
    // A promise; whoever has no use for it computes as ever.
  }

  /**
   * Whether {@link #forward} queues the same work on the device each time, so that it can be
   * recorded once and repeated without the host.
   */
  default boolean repeatable() {
    return false;
  }

  /** Counts one more training batch on the host, for a repeated {@link #forward}. */
  default void countBatch() {
    // Only what is repeatable is asked to.
  }

  /**
   * In training mode BatchNorm takes the statistics of each run of so many rows, one after the
   * other; the running ones stay, until {@link #moveStatistics} is given what {@link
   * #takeStatistics} gave.
   *
   * @param rows of each run, together the batch; null = the statistics of the whole batch, and the
   *     running ones move at once
   * @throws InputException if the backbone has BatchNorm that cannot be told
   */
  default void shards(int[] rows) {
    if (rows != null && hasBatchNorm()) {
      throw new InputException(
          arch().name()
              + ": its BatchNorm takes whole batches only; give one process, and no --bn-batch");
    }
  }

  /** Whether a running mean is among the state. */
  default boolean hasBatchNorm() {
    return state().keySet().stream().anyMatch(name -> name.endsWith("running_mean"));
  }

  /**
   * The statistics of the passes under {@link #shards} since the last call, summed over the runs of
   * rows: an entry a pass.
   *
   * @return fp32 tensors of one length, that the caller's scope owns
   */
  default List<Tensor> takeStatistics() {
    return List.of();
  }

  /**
   * Zeros in place of {@link #takeStatistics}'s entry, for who had no row; null without BatchNorm.
   */
  default Tensor noStatistics() {
    return null;
  }

  /**
   * Moves the running statistics towards the mean, with momentum 0.1, and counts a batch.
   *
   * @param sums of one pass, over all runs of rows
   * @param runs how many there were
   */
  default void moveStatistics(Tensor sums, int runs) {
    // There are none.
  }

  /**
   * The trainable tensors, in the published order; the same objects for the life of the backbone.
   */
  List<Tensor> parameters();

  /**
   * Every parameter and buffer by its published name, in the published order: the live tensors, the
   * same objects for the life of the backbone. {@code num_batches_tracked} stays on the CPU:
   * nothing on a device reads it.
   */
  LinkedHashMap<String, Tensor> state();

  /**
   * An independent copy: values, mode, device and memory format; no gradients. The caller closes
   * it.
   */
  Backbone copy();

  /**
   * Moves the weights; the tensor objects stay the same, so an optimizer that holds them goes on.
   */
  void to(ComputeDevice device);

  /**
   * Keeps convolution weights, and with them all activations, in channels-last order (faster in
   * bf16 and on GPUs; equal up to rounding) or in the usual one. Transformers, whose rows lie that
   * way by nature, may multiply as 1x1 convolutions then.
   */
  void channelsLast(boolean on);

  /**
   * Draws the weights anew as the published code does, from a generator of its own seeded with
   * {@code seed}: the values are those Python gets from {@code torch.manual_seed(seed)} and the
   * published constructor.
   */
  void initialise(long seed);

  /** Frees the weights. */
  @Override
  void close();
}
