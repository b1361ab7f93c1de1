package dev.lotus.experiment;

import dev.lotus.data.ImageSet;
import java.util.Random;

/**
 * Square images of noise, each drawn by its number.
 *
 * @param labels taken in turn
 * @param seed tells two sets apart
 */
record NoiseImages(int side, int size, int[] labels, int seed) implements ImageSet {
  @Override
  public int channels() {
    return 3;
  }

  @Override
  public int height() {
    return side;
  }

  @Override
  public int width() {
    return side;
  }

  @Override
  public int label(int index) {
    return labels[index % labels.length];
  }

  @Override
  public void read(int index, byte[] dst, int offset) {
    byte[] image = new byte[imageBytes()];
    new Random(1000L * seed + index).nextBytes(image);
    System.arraycopy(image, 0, dst, offset, image.length);
  }
}
