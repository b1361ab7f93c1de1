package dev.lotus.load;

import dev.lotus.data.ImageSet;
import dev.lotus.data.Normalization;
import java.util.Arrays;

/**
 * From the uint8 planes of an image to normalised floats, moved and mirrored on the way. A channel
 * has only 256 possible values, so each is computed once: (v / 255 - mean) / std in single
 * precision, operation by operation as torchvision's ToTensor and Normalize do, to the same bits.
 */
final class Normalizer {
  private final int channels;
  private final int height;
  private final int width;
  private final float[][] values;

  Normalizer(ImageSet images, Normalization normalization) {
    channels = images.channels();
    height = images.height();
    width = images.width();
    if (normalization.channels() != channels) {
      throw new IllegalArgumentException(
          "normalisation has " + normalization.channels() + " channels, images " + channels);
    }
    values = new float[channels][256];
    for (int c = 0; c < channels; c++) {
      for (int v = 0; v < 256; v++) {
        values[c][v] = (v / 255f - normalization.mean()[c]) / normalization.std()[c];
      }
    }
  }

  /** Writes one image, [channels, height, width], to {@code dst[offset...]}. */
  void write(byte[] image, Augmentation.Change change, float[] dst, int offset) {
    for (int c = 0; c < channels; c++) {
      float[] value = values[c];
      for (int y = 0; y < height; y++) {
        int to = offset + (c * height + y) * width;
        int sourceRow = y + change.down();
        if (sourceRow < 0 || sourceRow >= height) {
          Arrays.fill(dst, to, to + width, value[0]);
        } else {
          int from = (c * height + sourceRow) * width;
          writeRow(image, from, change.across(), value, dst, to);
          if (change.mirrored()) {
            mirror(dst, to);
          }
        }
      }
    }
  }

  private void writeRow(byte[] image, int from, int across, float[] value, float[] dst, int to) {
    int first = Math.min(width, Math.max(0, -across));
    int end = Math.max(first, Math.min(width, width - across));
    for (int x = 0; x < first; x++) {
      dst[to + x] = value[0];
    }
    for (int x = first; x < end; x++) {
      dst[to + x] = value[image[from + x + across] & 0xff];
    }
    for (int x = end; x < width; x++) {
      dst[to + x] = value[0];
    }
  }

  private void mirror(float[] dst, int row) {
    for (int a = row, b = row + width - 1; a < b; a++, b--) {
      float kept = dst[a];
      dst[a] = dst[b];
      dst[b] = kept;
    }
  }
}
