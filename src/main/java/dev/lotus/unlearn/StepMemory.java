package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.DeviceMemory;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Memory that a training step takes: measured on two small batches, whose difference tells what an
 * image takes.
 *
 * @param fixedBytes of gradients, the optimizer's moments and another copy of the weights, the
 *     teacher's
 * @param imageBytes of what the backward pass needs of one image
 */
public record StepMemory(double fixedBytes, double imageBytes) {
  /** Batches smaller than this may leave BatchNorm one value a channel. */
  public static final int LEAST = 2;

  /** The larger one of two measured batches. */
  private static final int TIMES = 3;

  /** Larger batches are measured until this rules out that they do not fit. */
  private static final double NOISE_BYTES = 24e6;

  private static final int LARGEST_MEASURED = 96;

  /** Two moments and the teacher; the gradient is there while it is measured. */
  private static final int COPIES = 3;

  /** Of this and more, a share is left for what is not measured: workspaces, fragments. */
  private static final double USABLE = 0.85;

  /**
   * Measures; {@code model} stays as it is.
   *
   * @param batch that is wanted
   * @param availableBytes that it should fit
   * @return null where the system does not say how much memory is in use
   */
  public static StepMemory of(
      Engine engine, Backbone model, ImageSet images, int batch, long availableBytes) {
    try (Backbone copy = model.copy()) {
      engine.place(copy);
      copy.train(true);
      double weights = bytes(copy);
      int small = LEAST;
      while (true) {
        long less = peak(engine, copy, images, small);
        long more = peak(engine, copy, images, TIMES * small);
        if (less < 0) {
          return null;
        }
        int between = (TIMES - 1) * small;
        double image = Math.max(0, more - less) / (double) between;
        StepMemory memory =
            new StepMemory(Math.max(0, more - TIMES * small * image) + COPIES * weights, image);
        StepMemory atMost = new StepMemory(memory.fixedBytes, image + NOISE_BYTES / between);
        boolean clear = more - less > NOISE_BYTES || atMost.fits(batch, availableBytes);
        if (clear || (TIMES * small) >= LARGEST_MEASURED) {
          return memory;
        }
        small *= 2 * LEAST;
      }
    }
  }

  private static long peak(Engine engine, Backbone model, ImageSet images, int rows) {
    ComputeDevice device = engine.device();
    return DeviceMemory.peakOf(
        device,
        () -> {
          try (PointerScope scope = new PointerScope()) {
            Tensor images_BCHW =
                torch.torch_zeros(
                    new long[] {rows, images.channels(), images.height(), images.width()},
                    device.options(ScalarType.Float));
            Tensor labels_B = torch.torch_zeros(new long[] {rows}, device.options(ScalarType.Long));
            Tensor losses_B = Evaluator.zeros(device, rows);
            new CrossEntropyStep(engine, model).backward(images_BCHW, labels_B, rows, losses_B);
            model.parameters().forEach(parameter -> parameter.mutable_grad().reset());
          }
        });
  }

  private static double bytes(Backbone model) {
    try (PointerScope scope = new PointerScope()) {
      return model.parameters().stream().mapToDouble(Tensor::nbytes).sum();
    }
  }

  /** What a step with so many images takes. */
  public double bytes(int batch) {
    return fixedBytes + imageBytes * batch;
  }

  private boolean fits(int batch, long availableBytes) {
    return bytes(batch) <= USABLE * availableBytes;
  }

  /**
   * The largest power of two that fits.
   *
   * @param most not more than this; itself, if it fits
   * @return 0 if not even {@link #LEAST} images fit
   */
  public int fitting(int most, long availableBytes) {
    if (fits(most, availableBytes)) {
      return most;
    }
    int batch = Integer.highestOneBit(most);
    while (batch >= LEAST && !fits(batch, availableBytes)) {
      batch /= 2;
    }
    return batch >= LEAST ? batch : 0;
  }
}
