package dev.lotus.data;

import dev.lotus.kernel.Resize.Window;

/**
 * From a picture of any size to the one a data set has, as torchvision's Resize and CenterCrop.
 *
 * @param shortSide the shorter side after Resize(shortSide), the other in proportion; 0 = both
 *     sides become height and width at once
 * @param height of the box cut out of the middle
 * @param width likewise
 */
public record ImageSize(int shortSide, int height, int width) {
  /** Most pixels of a side. */
  private static final int MAX = 4096;

  public ImageSize {
    if (height < 1 || width < 1 || height > MAX || width > MAX || shortSide > 2 * MAX) {
      throw new IllegalArgumentException("image size " + height + "x" + width);
    }
    if (shortSide != 0 && shortSide < Math.max(height, width)) {
      throw new IllegalArgumentException(
          "a box of " + height + "x" + width + " out of images with a side of " + shortSide);
    }
  }

  /** Resize((side, side)). */
  static ImageSize exactly(int side) {
    return new ImageSize(0, side, side);
  }

  /** Resize(side * 256 / 224), CenterCrop(side): ImageNet's way at any size. */
  static ImageSize cropped(int side) {
    return new ImageSize((int) Math.round(side * 256 / 224.0), side, side);
  }

  /** The box in a picture of that size, once it is resized. */
  Window window(int fromHeight, int fromWidth) {
    if (shortSide == 0) {
      return Window.all(height, width);
    }
    // The longer side is truncated, as torchvision does.
    boolean wide = fromWidth >= fromHeight;
    long shorter = Math.min(fromHeight, fromWidth);
    int longer = (int) ((long) shortSide * Math.max(fromHeight, fromWidth) / shorter);
    int toHeight = wide ? shortSide : longer;
    int toWidth = wide ? longer : shortSide;
    return new Window(
        toHeight,
        toWidth,
        // Python's round: halves go to the even neighbour.
        (int) Math.rint((toHeight - height) / 2.0),
        (int) Math.rint((toWidth - width) / 2.0),
        height,
        width);
  }

  /** The form recorded in names of files: "256-224x224". */
  @Override
  public String toString() {
    return (shortSide == 0 ? "" : shortSide + "-") + height + "x" + width;
  }
}
