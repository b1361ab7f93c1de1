package dev.lotus.metric;

import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import java.util.Map;
import org.apache.commons.statistics.distribution.TDistribution;

/** What is said of a metric over several runs: mean, spread, interval, correlation. */
public final class Statistics {
  private static final double TWO_SIDED_95 = 0.975;

  private Statistics() {}

  /**
   * A metric over the runs of a method. Runs that share an original model are not independent, so
   * the interval is taken over the means of the training seeds: I of them give I - 1 degrees of
   * freedom, and the mean is the mean of these, each seed counting once.
   *
   * @param mean of the training seeds' means: the middle of the interval
   * @param std sample standard deviation over all runs; null with one run
   * @param runs how many
   * @param trainingSeeds how many different ones among them
   * @param low lower end of the 95% interval of the mean; null with one training seed
   * @param high upper end
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Spread(
      double mean, Double std, int runs, int trainingSeeds, Double low, Double high) {}

  /**
   * @param byTrainingSeed the values of the runs of each training seed; none of them empty
   * @throws IllegalArgumentException where there is no value
   */
  public static Spread spread(Map<Long, List<Double>> byTrainingSeed) {
    double[] all =
        byTrainingSeed.values().stream().flatMap(List::stream).mapToDouble(v -> v).toArray();
    if (all.length == 0) {
      throw new IllegalArgumentException("no value to take the mean of");
    }
    double[] means =
        byTrainingSeed.values().stream()
            .mapToDouble(values -> mean(values.stream().mapToDouble(v -> v).toArray()))
            .toArray();
    double centre = mean(means);
    Double low = null;
    Double high = null;
    if (means.length > 1) {
      double half =
          TDistribution.of(means.length - 1).inverseCumulativeProbability(TWO_SIDED_95)
              * std(means)
              / Math.sqrt(means.length);
      low = centre - half;
      high = centre + half;
    }
    return new Spread(
        centre, all.length > 1 ? (Double) std(all) : null, all.length, means.length, low, high);
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  /** With n - 1 in the denominator; of differences to the first, so that equal values give 0. */
  private static double std(double[] values) {
    double sum = 0;
    double squares = 0;
    for (double value : values) {
      double difference = value - values[0];
      sum += difference;
      squares += difference * difference;
    }
    double n = values.length;
    return Math.sqrt(Math.max(0, squares - sum * sum / n) / (n - 1));
  }
}
