package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;
import dev.lotus.kernel.binding.LotusAugment;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * A training batch from uint8 images that are resident in memory, in one pass: gather, crop,
 * resize, flip, normalise, type and layout.
 *
 * <pre>
 *   box_b    = random | centred | given        flip_b = random | given
 *   picture  = images[indices_b] at box_b, padding with black or with the image's edge
 *   out_b    = (flip_b(resize(picture)) / 255 - mean) / std
 * </pre>
 *
 * <p>Random boxes and flips are {@link Philox}'s, of (seed, step, {@link Philox#AUGMENT}, the row's
 * sample), words w:
 *
 * <pre>
 *   top  = floor(w_0 (height + 2 padding - cropHeight + 1) / 2^32) - padding, left likewise from w_1
 *   flip = w_2 / 2^32 &lt; flipProbability
 * </pre>
 *
 * <p>This is torchvision's RandomCrop(crop, padding), RandomHorizontalFlip and Normalize. Where box
 * and output differ in size, {@code resize} is its {@code resize(antialias=True)} on float tensors
 * (PyTorch's {@code _upsample_bilinear2d_aa}, corners not aligned): a separable triangle filter, as
 * wide as the reduction where the image shrinks. It sees the box as a picture of its own: padding
 * inside the box weighs in like any other pixel, and beyond the box there is nothing. Where the
 * sizes agree, pixels are moved exactly, and fp32 outputs are the bits of these three operations in
 * fp32, in this order.
 *
 * <p>A row whose index is outside 0..N-1, or whose given box is empty or reaches more than 2^20
 * pixels outside the image, is filled with NaN, counted in {@code nonfiniteRows} and touches no
 * other row.
 */
public final class GatherAugment {
  private static final String SYMBOL = "lotus_gather_augment";
  private static final int MOST_PIXELS = 1 << 20;

  /** How the values of an image lie. */
  public enum Layout {
    /** [channels, height, width]. */
    CHANNELS_FIRST,
    /** [height, width, channels]. */
    CHANNELS_LAST
  }

  /** What a box meets outside the image. */
  public enum PadMode {
    /** Black pixels: 0 before normalisation. */
    ZERO,
    /** The nearest pixel of the image. */
    EDGE
  }

  /**
   * Images of one size, one after the other.
   *
   * @param pixels [count] of channels x height x width bytes, 0 to 255
   * @param count N
   * @param channels 1 to 4
   * @param device {@link Matrix#CPU} or a CUDA device index; all operands of a call live there
   */
  public record Images(
      BytePointer pixels,
      long count,
      int channels,
      int height,
      int width,
      Layout layout,
      int device) {
    public Images {
      if (count < 0 || channels < 1 || channels > 4) {
        throw new IllegalArgumentException(
            "images are "
                + count
                + " of "
                + channels
                + " channels; there must be 0 or more of 1 to 4");
      }
      Kernels.given("images.layout", layout);
      requireSize("images", height, width);
      if (count > 0) {
        Kernels.require(
            "images", pixels, Kernels.elements("images", count, channels, height, width));
      }
    }
  }

  /**
   * Where boxes and flips come from.
   *
   * @param seed Philox key
   * @param step fourth word of the counter: the number of the step, never used twice with one seed
   * @param samples [B] each row's position in the global epoch order; null = the row's index
   * @param boxes [B, 4] ready-made top, left, height, width; null = by the rule of this object
   * @param flips [B] ready-made flips, not 0 = mirrored; null = drawn
   */
  public record Draws(
      long seed, int step, LongPointer samples, IntPointer boxes, BytePointer flips) {
    public static Draws of(long seed, int step) {
      return new Draws(seed, step, null, null, null);
    }
  }

  /**
   * What to write.
   *
   * @param data [B] of channels x height x width in {@code dtype}; overlaps no input
   * @param nonfiniteRows one counter, added to; or null
   */
  public record Output(
      Pointer data, int height, int width, Layout layout, DType dtype, LongPointer nonfiniteRows) {
    public Output {
      Kernels.given("out.layout", layout);
      Kernels.given("out.dtype", dtype);
      requireSize("the output", height, width);
    }
  }

  private final int cropHeight;
  private final int cropWidth;
  private final int padding;
  private final PadMode padMode;
  private final float flipProbability;
  private final float[] mean;
  private final float[] std;

  /**
   * A rule for every batch of a training run.
   *
   * @param cropHeight of the box, with {@code cropWidth}; the image's own size takes all of it
   * @param padding pixels around the image that a random box may reach into; below 0 the box is not
   *     drawn but centred, as torchvision's center_crop does it, and lies over the padding where it
   *     is larger than the image
   * @param mean [channels] on the scale 0..1
   * @param std [channels], positive
   * @throws IllegalArgumentException if a value is out of range
   */
  public GatherAugment(
      int cropHeight,
      int cropWidth,
      int padding,
      PadMode padMode,
      double flipProbability,
      float[] mean,
      float[] std) {
    Kernels.given("pad_mode", padMode);
    Kernels.given("mean", mean);
    Kernels.given("std", std);
    if (cropHeight < 1 || cropWidth < 1) {
      throw new IllegalArgumentException(
          "the crop is " + cropHeight + " x " + cropWidth + "; both must be 1 or more");
    }
    if (padding > MOST_PIXELS) {
      throw new IllegalArgumentException("padding is " + padding + "; it must be 2^20 or less");
    }
    if (!(flipProbability >= 0 && flipProbability <= 1)) {
      throw new IllegalArgumentException(
          "flip_probability is " + flipProbability + "; it must be 0 to 1");
    }
    if (mean.length != std.length || mean.length < 1 || mean.length > 4) {
      throw new IllegalArgumentException(
          "there are " + mean.length + " means and " + std.length + " stds; 1 to 4 of each needed");
    }
    for (int c = 0; c < mean.length; c++) {
      if (!Float.isFinite(mean[c]) || !Float.isFinite(std[c]) || std[c] <= 0) {
        throw new IllegalArgumentException(
            "channel "
                + c
                + " has mean "
                + mean[c]
                + " and std "
                + std[c]
                + "; both must be finite and std above 0");
      }
    }
    this.cropHeight = cropHeight;
    this.cropWidth = cropWidth;
    this.padding = Math.max(padding, -1);
    this.padMode = padMode;
    this.flipProbability = (float) flipProbability;
    this.mean = mean.clone();
    this.std = std.clone();
  }

  /**
   * Runs the operation.
   *
   * @param images what to draw from
   * @param indices [B] an image for each row
   * @param rows B
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if shapes or sizes do not fit; nothing is written
   * @throws KernelException if the device fails
   */
  public void run(
      Images images, LongPointer indices, long rows, Draws draws, Output out, Pointer stream) {
    Kernels.given("images", images);
    Kernels.given("draws", draws);
    Kernels.given("out", out);
    if (rows < 0) {
      throw new IllegalArgumentException("rows is " + rows + "; it must be 0 or more");
    }
    if (mean.length != images.channels()) {
      throw new IllegalArgumentException(
          "the images have " + images.channels() + " channels, mean and std " + mean.length);
    }
    if (draws.boxes() == null) {
      requireCrop("crop_height", cropHeight, images.height());
      requireCrop("crop_width", cropWidth, images.width());
    }
    if (rows > 0) {
      Kernels.require("indices", indices, rows);
      Kernels.requireRoom("samples", draws.samples(), rows);
      Kernels.requireRoom("boxes", draws.boxes(), Kernels.elements("boxes", 4, rows));
      Kernels.requireRoom("flips", draws.flips(), rows);
      Kernels.require("out", out.data(), requiredElements(images, rows, out));
    }
    Kernels.requireRoom("nonfinite_rows", out.nonfiniteRows(), 1);
    long values = (long) images.channels() * out.height() * out.width();
    Kernels.log(SYMBOL, new Matrix(out.data(), rows, values, values, out.dtype(), images.device()));
    try (LotusAugment augment = augment()) {
      Kernels.check(
          SYMBOL,
          Lotus.lotus_gather_augment(
              images.pixels(),
              images.count(),
              images.channels(),
              images.height(),
              images.width(),
              images.layout().ordinal(),
              indices,
              rows,
              augment,
              draws.seed(),
              draws.step(),
              draws.samples(),
              draws.boxes(),
              draws.flips(),
              out.data(),
              out.height(),
              out.width(),
              out.layout().ordinal(),
              out.dtype().code(),
              out.nonfiniteRows(),
              images.device(),
              stream));
    }
  }

  private LotusAugment augment() {
    LotusAugment augment = new LotusAugment();
    augment.crop_height(cropHeight).crop_width(cropWidth).padding(padding);
    augment.pad_mode(padMode.ordinal()).flip_probability(flipProbability);
    for (int c = 0; c < mean.length; c++) {
      augment.mean(c, mean[c]).std(c, std[c]);
    }
    return augment;
  }

  private void requireCrop(String name, int crop, int image) {
    long room = image + 2L * (padding < 0 ? MOST_PIXELS : padding);
    if (crop > room) {
      throw new IllegalArgumentException(
          name
              + " is "
              + crop
              + "; the image has "
              + image
              + " pixels there, with its padding "
              + room);
    }
  }

  private static void requireSize(String what, int height, int width) {
    if (height < 1 || width < 1 || height > MOST_PIXELS || width > MOST_PIXELS) {
      throw new IllegalArgumentException(
          what + " has " + height + " x " + width + " pixels; each must be 1 to 2^20");
    }
  }

  private static long requiredElements(Images images, long rows, Output out) {
    long size =
        Kernels.elements(
            "out", rows, images.channels(), out.height(), out.width(), out.dtype().bytes());
    int bytes = out.data() == null ? 1 : Math.max(1, out.data().sizeof());
    return (size - 1) / bytes + 1;
  }
}
