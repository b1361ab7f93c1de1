package dev.lotus.data;

import dev.lotus.data.ImageSize.Plan;

/**
 * Bilinear resize with antialias, as Pillow and torchvision do it: each output pixel is the mean of
 * the input pixels under a triangle whose half width is max(1, input / output), weights normalised.
 * Rows are combined first, then columns, and only those the box needs; sums are kept in single
 * precision and rounded once (Pillow rounds between the passes, too).
 */
final class Resample {
  /**
   * Output columns worked on at a time, so that what lies between the passes stays in the cache.
   */
  private static final int STRIP = 64;

  /** Rows turned on their side at once. */
  private static final int BLOCK = 8;

  private Resample() {}

  /** For each output position: first input position, and the weights from there on. */
  private static final class Taps {
    final int[] first;
    final float[][] weights;
    int longest;

    Taps(int from, int to, int start, int count) {
      first = new int[count];
      weights = new float[count][];
      double scale = (double) from / to;
      double support = Math.max(1, scale);
      for (int i = 0; i < count; i++) {
        double center = (start + i + 0.5) * scale;
        int low = Math.max(0, (int) (center - support + 0.5));
        int high = Math.min(from, (int) (center + support + 0.5));
        double[] weight = new double[high - low];
        double sum = 0;
        for (int k = 0; k < weight.length; k++) {
          weight[k] = Math.max(0, 1 - Math.abs((k + low - center + 0.5) / support));
          sum += weight[k];
        }
        first[i] = low;
        weights[i] = new float[weight.length];
        for (int k = 0; k < weight.length; k++) {
          weights[i][k] = (float) (weight[k] / sum);
        }
        longest = Math.max(longest, weight.length);
      }
    }
  }

  /**
   * Resizes interleaved pixels to planes.
   *
   * @param source uint8 [rows, columns, channels], rows {@code stride} bytes apart
   * @param reversed whether the channels come out in the opposite order (BGR to RGB)
   * @param target uint8 [channels, size.height, size.width] from {@code offset}
   */
  static void interleaved(
      byte[] source,
      int rows,
      int columns,
      int channels,
      int stride,
      boolean reversed,
      ImageSize size,
      byte[] target,
      int offset) {
    Plan plan = size.plan(rows, columns);
    Taps down = new Taps(rows, plan.resizedHeight(), plan.top(), size.height());
    Taps across = new Taps(columns, plan.resizedWidth(), plan.left(), size.width());
    for (int x = 0; x < size.width(); x += STRIP) {
      int end = Math.min(size.width(), x + STRIP);
      int firstColumn = across.first[x];
      int lastColumn = across.first[end - 1] + across.weights[end - 1].length;
      int values = (lastColumn - firstColumn) * channels;
      int from = firstColumn * channels;
      float[] turned = rowsCombined(source, stride, from, values, down, size.height());
      for (int c = 0; c < channels; c++) {
        int plane = (reversed ? channels - 1 - c : c) * size.height() * size.width();
        columnsCombined(turned, c, channels, across, x, end, target, offset + plane, size.height());
      }
    }
  }

  /**
   * Every output row of a strip of columns, turned on its side: [values, height], so that combining
   * columns runs along memory, too.
   */
  private static float[] rowsCombined(
      byte[] source, int stride, int from, int values, Taps down, int height) {
    // The input rows under one output row's triangle, as floats; row r is kept in place r mod
    // longest.
    float[][] ring = new float[down.longest][values];
    float[][] block = new float[BLOCK][values];
    float[] turned = new float[values * height];
    int converted = down.first[0];
    for (int top = 0; top < height; top += BLOCK) {
      int count = Math.min(BLOCK, height - top);
      for (int j = 0; j < count; j++) {
        int y = top + j;
        int end = down.first[y] + down.weights[y].length;
        for (converted = Math.max(converted, down.first[y]); converted < end; converted++) {
          toFloats(source, converted * stride + from, ring[converted % down.longest], values);
        }
        combine(ring, down.first[y], down.weights[y], block[j], values);
      }
      for (int v = 0; v < values; v++) {
        for (int j = 0; j < count; j++) {
          turned[v * height + top + j] = block[j][v];
        }
      }
    }
    return turned;
  }

  private static void columnsCombined(
      float[] turned,
      int channel,
      int channels,
      Taps across,
      int start,
      int end,
      byte[] target,
      int to,
      int height) {
    float[] sums = new float[height];
    int width = across.first.length;
    for (int x = start; x < end; x++) {
      float[] weights = across.weights[x];
      int from = ((across.first[x] - across.first[start]) * channels + channel) * height;
      java.util.Arrays.fill(sums, 0.5f);
      for (float weight : weights) {
        add(sums, turned, from, weight, height);
        from += channels * height;
      }
      for (int y = 0; y < height; y++) {
        target[to + y * width + x] = (byte) Math.min(255, (int) sums[y]);
      }
    }
  }

  private static void add(float[] sums, float[] values, int from, float weight, int count) {
    for (int i = 0; i < count; i++) {
      sums[i] += weight * values[from + i];
    }
  }

  private static void toFloats(byte[] source, int from, float[] row, int values) {
    for (int i = 0; i < values; i++) {
      row[i] = source[from + i] & 0xff;
    }
  }

  private static void combine(
      float[][] ring, int first, float[] weights, float[] sums, int values) {
    for (int k = 0; k < weights.length; k++) {
      float[] row = ring[(first + k) % ring.length];
      float weight = weights[k];
      if (k == 0) {
        for (int i = 0; i < values; i++) {
          sums[i] = weight * row[i];
        }
      } else {
        for (int i = 0; i < values; i++) {
          sums[i] += weight * row[i];
        }
      }
    }
  }
}
