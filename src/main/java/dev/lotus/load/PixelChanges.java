package dev.lotus.load;

import java.util.Arrays;

/**
 * Changes of an image's uint8 planes, [channels, height, width], in place, to the byte as
 * torchvision makes them with Pillow: fixed-point affine maps by the nearest pixel, and blends in
 * single precision, cut off to whole numbers.
 *
 * @see <a href="https://github.com/python-pillow/Pillow/tree/main/src/libImaging">Pillow:
 *     Geometry.c, Blend.c, Convert.c</a>
 */
final class PixelChanges {
  private PixelChanges() {}

  /** Takes the window that begins at (down, across); what lies outside is black or the edge. */
  static void move(byte[] image, int height, int width, int down, int across, boolean edge) {
    if (down == 0 && across == 0) {
      return;
    }
    byte[] from = image.clone();
    for (int to = 0; to < image.length; to++) {
      int y = to / width % height + down;
      int x = to % width + across;
      int plane = to - to % (height * width);
      boolean inside = y >= 0 && y < height && x >= 0 && x < width;
      int nearestRow = Math.min(height - 1, Math.max(0, y));
      int nearest = plane + nearestRow * width + Math.min(width - 1, Math.max(0, x));
      image[to] = inside || edge ? from[nearest] : 0;
    }
  }

  /** Left to right. */
  static void mirror(byte[] image, int width) {
    for (int row = 0; row < image.length; row += width) {
      for (int a = row, b = row + width - 1; a < b; a++, b--) {
        byte kept = image[a];
        image[a] = image[b];
        image[b] = kept;
      }
    }
  }

  /**
   * An enlargement and a horizontal shear about the centre, by the nearest pixel, black around:
   * {@code functional.affine(image, 0, (0, 0), scale, (shear, 0))} of a PIL image.
   *
   * @param scale 0.5..1.5
   * @param shear degrees, -45..45
   */
  record Affine(float scale, float shear) {
    /** Of Pillow's fixed point numbers. */
    private static final double ONE = 1 << 16;

    /** With the limits of shear and scale no place leaves Pillow's fixed point range, 2^15. */
    private static final int MAX_SIDE = 4096;

    void apply(byte[] image, int height, int width) {
      if (height > MAX_SIDE || width > MAX_SIDE) {
        throw new IllegalArgumentException(
            "images of " + height + "x" + width + " pixels: at most " + MAX_SIDE + " a side");
      }
      // From output to source: x' = (x + tan(shear) y) / scale, y' = y / scale, about the centre.
      double a = 1 / (double) scale;
      double b = Math.tan(Math.toRadians(shear)) / scale;
      double x0 = a * (-width * 0.5) + b * (-height * 0.5) + width * 0.5;
      double y0 = a * (-height * 0.5) + height * 0.5;
      int stepX = fixed(a);
      int stepY = fixed(b);
      byte[] from = image.clone();
      Arrays.fill(image, (byte) 0);
      for (int plane = 0; plane < image.length; plane += height * width) {
        // Pixels are sampled at their centres.
        int rowX = fixed(x0 + a * 0.5 + b * 0.5);
        int rowY = fixed(y0 + a * 0.5);
        for (int y = 0; y < height; y++, rowX += stepY, rowY += stepX) {
          int sourceY = rowY >> 16;
          if (sourceY < 0 || sourceY >= height) {
            continue;
          }
          int source = plane + sourceY * width;
          int to = plane + y * width;
          for (int x = 0, at = rowX; x < width; x++, at += stepX) {
            int sourceX = at >> 16;
            if (sourceX >= 0 && sourceX < width) {
              image[to + x] = from[source + sourceX];
            }
          }
        }
      }
    }

    private static int fixed(double value) {
      return (int) Math.floor(value * ONE + 0.5);
    }
  }

  /**
   * ColorJitter's three steps: {@code adjust_brightness}, {@code adjust_contrast}, {@code
   * adjust_saturation} of a PIL image.
   *
   * @param order 0..5, which of the six orders
   * @param brightness factor, 1 = as it is; towards black
   * @param contrast likewise; towards the image's mean grey
   * @param saturation likewise; towards each pixel's grey
   */
  record Colour(int order, float brightness, float contrast, float saturation) {
    private static final int[][] ORDERS = {
      {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}
    };

    void apply(byte[] image, int channels) {
      if (channels != 1 && channels != 3) {
        throw new IllegalArgumentException(
            "colours of " + channels + " channels cannot be changed, only of 1 or 3");
      }
      for (int step : ORDERS[order]) {
        switch (step) {
          case 0 -> blend(image, 0, brightness);
          case 1 -> blend(image, meanGrey(image, channels), contrast);
          default -> saturate(image, channels);
        }
      }
    }

    private void saturate(byte[] image, int channels) {
      int plane = image.length / channels;
      for (int p = 0; p < plane; p++) {
        int grey = grey(image, p, plane, channels);
        for (int at = p; at < image.length; at += plane) {
          image[at] = blend(grey, image[at] & 0xff, saturation);
        }
      }
    }
  }

  private static int meanGrey(byte[] image, int channels) {
    int plane = image.length / channels;
    long sum = 0;
    for (int p = 0; p < plane; p++) {
      sum += grey(image, p, plane, channels);
    }
    return (int) ((double) sum / plane + 0.5);
  }

  /** ITU-R 601-2 luma in 16 fractional bits. */
  private static int grey(byte[] image, int p, int plane, int channels) {
    if (channels == 1) {
      return image[p] & 0xff;
    }
    int red = image[p] & 0xff;
    int green = image[p + plane] & 0xff;
    int blue = image[p + 2 * plane] & 0xff;
    return (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
  }

  private static void blend(byte[] image, int from, float factor) {
    byte[] table = new byte[256];
    for (int v = 0; v < 256; v++) {
      table[v] = blend(from, v, factor);
    }
    for (int i = 0; i < image.length; i++) {
      image[i] = table[image[i] & 0xff];
    }
  }

  /** From {@code from} at factor 0 to {@code to} at 1, and beyond. */
  private static byte blend(int from, int to, float factor) {
    float value = from + factor * (to - from);
    return (byte) (int) Math.max(0f, Math.min(255f, value));
  }
}
