package dev.lotus.data;

import dev.lotus.data.ImageSize.Plan;

/**
 * Bilinear resize with antialias, as Pillow and torchvision do it: each output pixel is the mean of
 * the input pixels under a triangle whose half width is max(1, input / output), weights normalised.
 * Rows are combined first, then columns, and only those the box needs; sums are kept in single
 * precision and rounded once (Pillow rounds between the passes, too).
 */
final class Resample {
  private Resample() {}

  /** For each output position: first input position, and the weights from there on. */
  private static final class Taps {
    final int[] first;
    final float[][] weights;
    int longest;

    /** The weights one after the other, each position's filled up with zeros to this length. */
    final int paddedLength;

    final float[] padded;

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
      paddedLength = (longest + 3) / 4 * 4;
      padded = new float[count * paddedLength];
      for (int i = 0; i < count; i++) {
        System.arraycopy(weights[i], 0, padded, i * paddedLength, weights[i].length);
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
    int last = size.width() - 1;
    int firstColumn = across.first[0];
    int columnsUsed = across.first[last] + across.weights[last].length - firstColumn;
    int values = columnsUsed * channels;
    // The input rows under one output row's triangle, as floats; row r is kept in place r mod
    // longest.
    float[][] ring = new float[down.longest][values];
    // The padding's zeros meet values that are there and finite.
    float[] sums = new float[values + across.paddedLength * channels];
    int[] planes = new int[channels];
    for (int c = 0; c < channels; c++) {
      planes[c] = (reversed ? channels - 1 - c : c) * size.height() * size.width();
    }
    int converted = down.first[0];
    for (int y = 0; y < size.height(); y++) {
      int end = down.first[y] + down.weights[y].length;
      for (converted = Math.max(converted, down.first[y]); converted < end; converted++) {
        toFloats(
            source,
            converted * stride + firstColumn * channels,
            ring[converted % down.longest],
            values);
      }
      combine(ring, down.first[y], down.weights[y], sums, values);
      writeRow(sums, channels, across, planes, target, offset + y * size.width());
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

  /**
   * One output row of all channels. Weights are taken four at a time, without a loop of unknown
   * length inside: that is what the compiler makes fast code of.
   */
  private static void writeRow(
      float[] sums, int channels, Taps across, int[] planes, byte[] target, int to) {
    float[] weights = across.padded;
    int taps = across.paddedLength;
    int width = across.first.length;
    int start = across.first[0];
    for (int x = 0; x < width; x++) {
      int at = (across.first[x] - start) * channels;
      for (int c = 0; c < channels; c++) {
        float sum = 0.5f;
        int from = at + c;
        for (int k = x * taps; k < (x + 1) * taps; k += 4) {
          sum +=
              weights[k] * sums[from]
                  + weights[k + 1] * sums[from + channels]
                  + weights[k + 2] * sums[from + 2 * channels]
                  + weights[k + 3] * sums[from + 3 * channels];
          from += 4 * channels;
        }
        target[to + planes[c] + x] = (byte) Math.min(255, (int) sum);
      }
    }
  }
}
