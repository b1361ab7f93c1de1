package dev.lotus.kernel;

import dev.lotus.kernel.GatherAugment.Layout;
import dev.lotus.kernel.GatherAugment.PadMode;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Batches for gather_augment, its reference in doubles, and its draws from Java's own words. */
final class AugmentCases {
  static final float[] MEAN = {.4914f, .25f, .4465f, .5f};
  static final float[] STD = {.2023f, 1f, .201f, .125f};
  static final int IMAGES = 3;
  static final long SEED = 0xfedc_ba98_7654_3210L;

  private AugmentCases() {}

  /** Image, box and output of a batch; the rest takes turns. */
  record Size(int height, int width, int cropHeight, int cropWidth, int outHeight, int outWidth) {}

  static final Size[] SIZES = {
    new Size(32, 32, 32, 32, 32, 32),
    new Size(33, 31, 29, 27, 29, 27),
    new Size(1, 1, 1, 1, 1, 1),
    new Size(1, 1, 3, 2, 5, 7),
    new Size(1, 7, 1, 7, 3, 5),
    new Size(31, 33, 31, 33, 32, 32),
    new Size(40, 19, 38, 17, 5, 33),
    new Size(9, 70, 9, 70, 2, 1),
    new Size(37, 500, 37, 500, 224, 224),
    new Size(500, 375, 480, 360, 224, 224),
  };

  /** One batch as Java arrays. */
  record Batch(
      Size size,
      int channels,
      Layout layout,
      Layout outLayout,
      DType dtype,
      PadMode padMode,
      int padding,
      byte[] images,
      long[] indices,
      int[] boxes,
      byte[] flips) {
    int rows() {
      return indices.length;
    }

    int perRow() {
      return channels * size.outHeight() * size.outWidth();
    }

    double pixel(long image, int c, int y, int x) {
      int height = size.height();
      int width = size.width();
      if (padMode == PadMode.ZERO && (y < 0 || x < 0 || y >= height || x >= width)) {
        return 0;
      }
      int row = Math.min(Math.max(y, 0), height - 1);
      int col = Math.min(Math.max(x, 0), width - 1);
      long at =
          layout == Layout.CHANNELS_FIRST
              ? ((image * channels + c) * height + row) * width + col
              : ((image * height + row) * width + col) * channels + c;
      return images[(int) at] & 0xff;
    }

    int place(int c, int y, int x) {
      return outLayout == Layout.CHANNELS_FIRST
          ? (c * size.outHeight() + y) * size.outWidth() + x
          : (y * size.outWidth() + x) * channels + c;
    }
  }

  /** Boxes inside, over every side, wholly outside, of other sizes; flips by turns. */
  static Batch batch(Size size, int rows, int turn) {
    int channels = turn * 3 % 4 + 1;
    SplittableRandom random = new SplittableRandom(31L * turn + size.height());
    byte[] images = new byte[IMAGES * channels * size.height() * size.width()];
    random.nextBytes(images);
    int[] boxes = new int[4 * rows];
    byte[] flips = new byte[rows];
    for (int b = 0; b < rows; b++) {
      int h = size.cropHeight();
      int w = size.cropWidth();
      int[] box =
          switch ((b + turn) % 6) {
            case 0 -> new int[] {0, 0, h, w};
            case 1 -> new int[] {-3, size.width() - 1, h, w};
            case 2 -> new int[] {-2, -w / 2, h + 9, w + 7};
            case 3 -> new int[] {-h - 2, 0, h, w};
            case 4 -> new int[] {2, size.width() + 3, h, w};
            default -> new int[] {-1, -1, 2 * h + 1, 1};
          };
      System.arraycopy(box, 0, boxes, 4 * b, 4);
      flips[b] = (byte) (b % 2 * 0x40);
    }
    return new Batch(
        size,
        channels,
        Layout.values()[turn % 2],
        Layout.values()[turn / 2 % 2],
        DType.values()[turn % 3],
        PadMode.values()[turn / 3 % 2],
        Math.max(0, Math.max(size.cropHeight() - size.height(), size.cropWidth() - size.width()))
            + turn % 4,
        images,
        random.longs(rows, 0, IMAGES).toArray(),
        boxes,
        flips);
  }

  // ---- The reference: the filter as published, in doubles, over a box that is padded pixel by
  // pixel ----

  record Filter(int first, double[] weights) {}

  static Filter filter(int n, int m, int i) {
    double scale = (double) n / m;
    double support = Math.max(scale, 1);
    double center = scale * (i + 0.5);
    int first = (int) Math.max(Math.floor(center - support + 0.5), 0);
    int end = (int) Math.min(Math.floor(center + support + 0.5), n);
    double[] weights = new double[end - first];
    for (int j = 0; j < weights.length; j++) {
      weights[j] = Math.max(0, 1 - Math.abs((first + j + 0.5 - center) / support));
    }
    double total = Arrays.stream(weights).sum();
    return new Filter(first, Arrays.stream(weights).map(w -> w / total).toArray());
  }

  static void reference(
      Batch k, int b, int[] box, boolean flip, float[] mean, float[] std, double[] out) {
    Size size = k.size();
    for (int y = 0; y < size.outHeight(); y++) {
      Filter down = filter(box[2], size.outHeight(), y);
      for (int x = 0; x < size.outWidth(); x++) {
        Filter across = filter(box[3], size.outWidth(), flip ? size.outWidth() - 1 - x : x);
        for (int c = 0; c < k.channels(); c++) {
          double sum = 0;
          for (int j = 0; j < down.weights().length; j++) {
            for (int i = 0; i < across.weights().length; i++) {
              sum +=
                  down.weights()[j]
                      * across.weights()[i]
                      * k.pixel(
                          k.indices()[b],
                          c,
                          box[0] + down.first() + j,
                          box[1] + across.first() + i);
            }
          }
          out[b * k.perRow() + k.place(c, y, x)] = (sum / 255 - mean[c]) / std[c];
        }
      }
    }
  }

  /** What lotus.h says of a drawn box, from Java's own words. */
  static int start(int word, int image, int padding, int crop) {
    return (int) (((word & 0xffffffffL) * (image + 2L * padding - crop + 1)) >>> 32) - padding;
  }

  static int[] drawn(Batch k, int step, int b) {
    Size size = k.size();
    return new int[] {
      start(
          Philox.word(SEED, step, Philox.AUGMENT, b, 0),
          size.height(),
          k.padding(),
          size.cropHeight()),
      start(
          Philox.word(SEED, step, Philox.AUGMENT, b, 1),
          size.width(),
          k.padding(),
          size.cropWidth()),
      size.cropHeight(),
      size.cropWidth()
    };
  }

  static boolean drawnFlip(int step, int b) {
    return (Philox.word(SEED, step, Philox.AUGMENT, b, 2) & 0xffffffffL) * 0x1p-32 < 0.5;
  }
}
