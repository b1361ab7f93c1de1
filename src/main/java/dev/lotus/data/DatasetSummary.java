package dev.lotus.data;

import java.util.stream.IntStream;

/**
 * What can be said of a set of images after reading all of them.
 *
 * @param classCounts images of each class
 * @param means of each channel, on the 0..1 scale
 * @param stds standard deviations over all pixels, likewise
 */
public record DatasetSummary(int images, int[] classCounts, double[] means, double[] stds) {

  /**
   * Reads and decodes every image, with all processors.
   *
   * @param listener told after each image, from several threads
   * @throws dev.lotus.device.InputException if one cannot be decoded
   */
  public static DatasetSummary of(ImageSet set, int classes, Runnable listener) {
    int channels = set.channels();
    int plane = set.height() * set.width();
    int[] counts = new int[classes];
    IntStream.range(0, set.size()).forEach(i -> counts[set.label(i)]++);
    // Sums of bytes and their squares are exact in long, so threads do not change them.
    long[] sums =
        IntStream.range(0, set.size())
            .parallel()
            .mapToObj(
                i -> {
                  byte[] image = new byte[set.imageBytes()];
                  set.read(i, image, 0);
                  listener.run();
                  return sums(image, channels, plane);
                })
            .reduce(new long[2 * channels], DatasetSummary::add);
    double[] means = new double[channels];
    double[] stds = new double[channels];
    double n = Math.max(1, (double) set.size() * plane);
    for (int c = 0; c < channels; c++) {
      double mean = sums[2 * c] / n;
      means[c] = mean / 255;
      stds[c] = Math.sqrt(Math.max(0, sums[2 * c + 1] / n - mean * mean)) / 255;
    }
    return new DatasetSummary(set.size(), counts, means, stds);
  }

  private static long[] sums(byte[] image, int channels, int plane) {
    long[] sums = new long[2 * channels];
    for (int c = 0; c < channels; c++) {
      long sum = 0;
      long squares = 0;
      for (int p = c * plane; p < (c + 1) * plane; p++) {
        int v = image[p] & 0xff;
        sum += v;
        squares += (long) v * v;
      }
      sums[2 * c] = sum;
      sums[2 * c + 1] = squares;
    }
    return sums;
  }

  private static long[] add(long[] a, long[] b) {
    long[] sum = new long[a.length];
    for (int i = 0; i < a.length; i++) {
      sum[i] = a[i] + b[i];
    }
    return sum;
  }
}
