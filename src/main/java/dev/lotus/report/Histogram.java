package dev.lotus.report;

/**
 * How many samples fell into each of equally wide bins.
 *
 * @param low left edge of the first bin
 * @param high right edge of the last
 * @param counts samples a bin, left to right
 * @param mean of the values themselves
 */
public record Histogram(double low, double high, long[] counts, double mean) {
  /** Bins of the entropy histograms. */
  public static final int BINS = 30;

  /**
   * @throws IllegalArgumentException where the edges are not ascending, or nothing was counted
   */
  public Histogram {
    if (!(low < high) || counts.length == 0 || sum(counts) == 0 || !Double.isFinite(mean)) {
      throw new IllegalArgumentException(
          "histogram from "
              + low
              + " to "
              + high
              + " with "
              + counts.length
              + " bins, "
              + sum(counts)
              + " samples, mean "
              + mean);
    }
  }

  /** Entropies in nats of a model with C outputs, on {@value #BINS} bins from 0 to ln C. */
  public static Histogram ofEntropies(float[] entropies, int classes) {
    return of(entropies, 0, Math.log(Math.max(2, classes)), BINS);
  }

  /**
   * Values outside [low, high] are counted in the first and last bin.
   *
   * @throws IllegalArgumentException where there are no values or one is NaN
   */
  public static Histogram of(float[] values, double low, double high, int bins) {
    long[] counts = new long[bins];
    double sum = 0;
    for (float value : values) {
      if (Float.isNaN(value)) {
        throw new IllegalArgumentException("a value to be counted is NaN");
      }
      int bin = (int) Math.floor((value - low) / (high - low) * bins);
      counts[Math.max(0, Math.min(bins - 1, bin))]++;
      sum += value;
    }
    return new Histogram(low, high, counts, sum / values.length);
  }

  /** Samples counted. */
  public long total() {
    return sum(counts);
  }

  /** The fraction of samples in a bin. */
  public double share(int bin) {
    return (double) counts[bin] / total();
  }

  /**
   * The area two distributions have in common: 1 where every bin has the same share, 0 where no bin
   * is shared. NaN where the bins differ.
   */
  public double overlap(Histogram other) {
    if (low != other.low || high != other.high || counts.length != other.counts.length) {
      return Double.NaN;
    }
    double common = 0;
    for (int i = 0; i < counts.length; i++) {
      common += Math.min(share(i), other.share(i));
    }
    return common;
  }

  private static long sum(long[] counts) {
    long total = 0;
    for (long count : counts) {
      total += count;
    }
    return total;
  }
}
