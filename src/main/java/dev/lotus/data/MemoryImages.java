package dev.lotus.data;

import java.util.Objects;

/**
 * Images held in memory as one uint8 array, [size, channels, height, width], with one byte a label.
 */
public final class MemoryImages implements ImageSet {
  private final int channels;
  private final int height;
  private final int width;
  private final byte[] pixels;
  private final byte[] labels;

  /**
   * Keeps both arrays without copying them: the caller gives them away.
   *
   * @param pixels uint8 [N, channels, height, width]
   * @param labels [N], read as unsigned
   * @throws IllegalArgumentException if the lengths do not fit together
   */
  public MemoryImages(int channels, int height, int width, byte[] pixels, byte[] labels) {
    if (channels < 1 || height < 1 || width < 1) {
      throw new IllegalArgumentException(
          "image shape must be positive, is " + channels + "x" + height + "x" + width);
    }
    long expected = (long) labels.length * channels * height * width;
    if (pixels.length != expected) {
      throw new IllegalArgumentException(
          labels.length
              + " labels of "
              + channels
              + "x"
              + height
              + "x"
              + width
              + " images need "
              + expected
              + " pixel bytes, got "
              + pixels.length);
    }
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.pixels = pixels;
    this.labels = labels;
  }

  @Override
  public int size() {
    return labels.length;
  }

  @Override
  public int channels() {
    return channels;
  }

  @Override
  public int height() {
    return height;
  }

  @Override
  public int width() {
    return width;
  }

  @Override
  public int label(int index) {
    return labels[index] & 0xff;
  }

  @Override
  public void read(int index, byte[] dst, int offset) {
    Objects.checkIndex(index, labels.length);
    int bytes = imageBytes();
    System.arraycopy(pixels, index * bytes, dst, offset, bytes);
  }
}
