package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/**
 * A window of a resized picture of bytes, to the bit what Pillow's {@code resize(size, BILINEAR)}
 * gives, and so torchvision's Resize and crops on its images.
 *
 * <pre>
 *   line_jxc = byte(sum_k h_xk source_jkc)       all columns that the window needs, first
 *   out_cyx  = byte(sum_j v_yj line_jxc)
 *   byte(s)  = min(255, floor(s + 1/2))
 * </pre>
 *
 * <p>h and v are triangles about (x + 1/2) n / m on the source, for n source and m resized pixels
 * of that axis, of half width max(1, n / m): antialiased where the picture shrinks. Each triangle's
 * weights are normalised and rounded to whole multiples of 2^-22. Where n = m pixels are moved as
 * they are. Against the same sums in exact arithmetic a value is off by at most one level.
 *
 * <p>On the CPU the calling thread does all of it, with scratch memory that it keeps.
 */
public final class Resize {
  private static final String SYMBOL = "lotus_resize";
  private static final int MOST_SIDE = 65_535;
  private static final int MOST_RESIZED = 1 << 30;

  private Resize() {}

  /**
   * A picture in memory.
   *
   * @param pixels uint8 [rows, columns, channels], 0 to 255
   * @param rows 1 to 65,535
   * @param columns likewise
   * @param channels 1 to 4
   * @param stride bytes from one row to the next, at least columns x channels
   * @param device {@link Matrix#CPU} or a CUDA device index; the output lives there, too
   */
  public record Picture(
      BytePointer pixels, int rows, int columns, int channels, long stride, int device) {
    public Picture {
      requireSide("rows", rows);
      requireSide("columns", columns);
      if (channels < 1 || channels > 4) {
        throw new IllegalArgumentException("channels is " + channels + "; it must be 1 to 4");
      }
      long line = (long) columns * channels;
      if (stride < line || stride > Long.MAX_VALUE / MOST_SIDE) {
        throw new IllegalArgumentException(
            "stride is "
                + stride
                + "; a row has "
                + columns
                + " x "
                + channels
                + " bytes, and 65535 rows must fit 2^63");
      }
      Kernels.require("source", pixels, (rows - 1) * stride + line);
    }
  }

  /**
   * What is cut out of which size.
   *
   * @param resizedHeight rows of the whole picture after resizing, 1 to 2^30
   * @param resizedWidth likewise
   * @param top first resized row inside the window, which lies wholly inside
   * @param left likewise
   * @param height rows of the window, 1 to 65,535
   * @param width likewise
   */
  public record Window(
      int resizedHeight, int resizedWidth, int top, int left, int height, int width) {
    public Window {
      requireWindow("height", resizedHeight, "top", top, height);
      requireWindow("width", resizedWidth, "left", left, width);
    }

    /** All of the picture. */
    public static Window all(int height, int width) {
      return new Window(height, width, 0, 0, height, width);
    }
  }

  /**
   * Runs the operation.
   *
   * @param reverse whether the channels come out in the opposite order (BGR to RGB)
   * @param out uint8 [channels, window.height, window.width]; overlaps no input
   * @param stream CUDA stream, or null
   * @throws IllegalArgumentException if {@code out} is too small; nothing is written
   * @throws KernelException if the device fails or scratch memory cannot be had
   */
  public static void run(
      Picture picture, boolean reverse, Window window, BytePointer out, Pointer stream) {
    Kernels.given("picture", picture);
    Kernels.given("window", window);
    Kernels.require("out", out, (long) picture.channels * window.height * window.width);
    Kernels.logMove(SYMBOL, picture, window);
    Kernels.check(
        SYMBOL,
        Lotus.lotus_resize(
            picture.pixels,
            picture.rows,
            picture.columns,
            picture.channels,
            picture.stride,
            reverse ? 1 : 0,
            window.resizedHeight,
            window.resizedWidth,
            window.top,
            window.left,
            window.height,
            window.width,
            out,
            picture.device,
            stream));
  }

  private static void requireSide(String name, int pixels) {
    if (pixels < 1 || pixels > MOST_SIDE) {
      throw new IllegalArgumentException(name + " is " + pixels + "; it must be 1 to " + MOST_SIDE);
    }
  }

  private static void requireWindow(String side, int resized, String start, int first, int pixels) {
    if (resized < 1 || resized > MOST_RESIZED) {
      throw new IllegalArgumentException(
          "the resized " + side + " is " + resized + "; it must be 1 to 2^30");
    }
    requireSide(side, pixels);
    if (first < 0 || first > resized - pixels) {
      throw new IllegalArgumentException(
          start
              + " is "
              + first
              + "; a window of "
              + pixels
              + " must lie inside the resized "
              + side
              + " of "
              + resized);
    }
  }
}
