package dev.lotus.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.metric.Statistics.Spread;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Against tables of Student's t and R's cor.test. */
class StatisticsTest {
  private static Map<Long, List<Double>> seeds(double[]... values) {
    Map<Long, List<Double>> map = new LinkedHashMap<>();
    for (double[] own : values) {
      map.put((long) map.size(), java.util.Arrays.stream(own).boxed().toList());
    }
    return map;
  }

  @Test
  void intervalOfThreeSeedsHasTwoDegreesOfFreedom() {
    Spread spread = Statistics.spread(seeds(new double[] {1}, new double[] {2}, new double[] {4}));
    assertThat(spread.mean()).isCloseTo(7.0 / 3, within(1e-15));
    double std = Math.sqrt(7.0 / 3);
    assertThat(spread.std()).isCloseTo(std, within(1e-14));
    // t(0.975; 2) = 4.302653 in every table.
    assertThat(spread.high() - spread.mean())
        .isCloseTo(4.30265272974946 * std / Math.sqrt(3), within(1e-9));
    assertThat(spread.mean() - spread.low()).isCloseTo(spread.high() - spread.mean(), within(1e-9));
  }

  /** Runs that share an original count once: the interval is that of the seeds' means. */
  @Test
  void runsOfOneOriginalDoNotNarrowTheInterval() {
    Spread spread =
        Statistics.spread(seeds(new double[] {0, 2}, new double[] {1, 3}, new double[] {3, 5}));
    Spread means = Statistics.spread(seeds(new double[] {1}, new double[] {2}, new double[] {4}));
    assertThat(spread.low()).isEqualTo(means.low());
    assertThat(spread.high()).isEqualTo(means.high());
    assertThat(spread.runs()).isEqualTo(6);
    assertThat(spread.trainingSeeds()).isEqualTo(3);
    assertThat(spread.std()).isGreaterThan(means.std());
  }

  /** A seed of which more runs are there counts no more than the others. */
  @Test
  void theMeanIsThatOfTheSeedsWhateverTheNumberOfTheirRuns() {
    Spread spread =
        Statistics.spread(seeds(new double[] {0, 0, 0, 4}, new double[] {3}, new double[] {5, 5}));
    assertThat(spread.mean()).isCloseTo(3, within(1e-15));
    assertThat((spread.low() + spread.high()) / 2).isCloseTo(spread.mean(), within(1e-12));
    assertThat(spread.runs()).isEqualTo(7);
    assertThat(spread.trainingSeeds()).isEqualTo(3);
  }

  @Test
  void quantilesOfOtherDegrees() {
    // t(0.975) of 1, 4 and 9 degrees.
    double[] quantiles = {12.7062047364, 2.77644510520, 2.26215716280};
    int[] seeds = {2, 5, 10};
    for (int i = 0; i < seeds.length; i++) {
      double[][] values = new double[seeds[i]][1];
      for (int k = 0; k < seeds[i]; k++) {
        values[k][0] = k;
      }
      Spread spread = Statistics.spread(seeds(values));
      assertThat((spread.high() - spread.mean()) * Math.sqrt(seeds[i]) / spread.std())
          .isCloseTo(quantiles[i], within(1e-8));
    }
  }

  @Test
  void oneRunHasNoSpread() {
    Spread spread = Statistics.spread(seeds(new double[] {0.5}));
    assertThat(spread).isEqualTo(new Spread(0.5, null, 1, 1, null, null));
    assertThatThrownBy(() -> Statistics.spread(Map.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  /** Anscombe's first quartet: r = 0.816420516, p = 0.00216962887 by R's cor.test. */
  @Test
  void correlationOfAnscombesQuartet() {
    double[] x = {10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5};
    double[] y = {8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68};
    Correlation correlation = Correlation.pearson(x, y);
    assertThat(correlation.n()).isEqualTo(11);
    assertThat(correlation.r()).isCloseTo(0.816420516345, within(1e-11));
    assertThat(correlation.p()).isCloseTo(0.00216962887308, within(1e-12));
  }

  @Test
  void correlationThatIsNotDefinedIsNull() {
    assertThat(Correlation.pearson(new double[] {1}, new double[] {2}))
        .isEqualTo(new Correlation(1, null, null));
    assertThat(Correlation.pearson(new double[] {1, 1, 1}, new double[] {1, 2, 3}))
        .isEqualTo(new Correlation(3, null, null));
    assertThat(Correlation.pearson(new double[] {1, 2}, new double[] {4, 2}))
        .isEqualTo(new Correlation(2, null, null));
    assertThat(Correlation.pearson(new double[] {1, 2, 3}, new double[] {2, 4, 6}))
        .satisfies(c -> assertThat(c.r()).isCloseTo(1, within(1e-15)));
    assertThatThrownBy(() -> Correlation.pearson(new double[2], new double[3]))
        .hasMessageContaining("2 values against 3");
  }
}
