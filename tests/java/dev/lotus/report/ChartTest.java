package dev.lotus.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Axes, number formats and histograms under the plots. */
class ChartTest {
  @ParameterizedTest
  @CsvSource({
    "0, 1, 5, 0, 1, 0.2", "0.79, 0.998, 5, 0.75, 1, 0.05", "1.2, 5.1, 5, 1, 6, 1",
    "-0.03, 0.04, 5, -0.04, 0.04, 0.02", "1e-9, 9e-9, 4, 0, 1e-8, 2e-9",
        "1000, 250000, 5, 0, 250000, 50000"
  })
  void axisEnclosesTheData(
      double min, double max, int count, double low, double high, double step) {
    Axis axis = Axis.enclosing(min, max, count, false);
    assertThat(axis.low()).isCloseTo(low, within(1e-9 * step));
    assertThat(axis.high()).isCloseTo(high, within(1e-9 * Math.abs(high)));
    assertThat(axis.step()).isCloseTo(step, within(1e-9 * step));
    assertThat(axis.low()).isLessThanOrEqualTo(min);
    assertThat(axis.ticks()).hasSize((int) Math.round((high - low) / step) + 1);
  }

  @Test
  void oneValueGetsRoom() {
    for (double value : new double[] {0, 1, -3, 1e-12, 1e12}) {
      Axis axis = Axis.enclosing(value, value, 5, false);
      assertThat(axis.low()).isLessThan(value);
      assertThat(axis.high()).isGreaterThan(value);
    }
    assertThat(Axis.enclosing(1, 1, 6, true).ticks()).containsExactly(0.0, 1.0, 2.0);
    assertThat(Axis.enclosing(1, 3, 6, true).step()).isEqualTo(1);
    assertThat(Axis.enclosing(1, 10, 6, true).cutTo(1, 10).ticks())
        .containsExactly(2.0, 4.0, 6.0, 8.0, 10.0);
  }

  @Test
  void tickLabelsTellTicksApart() {
    assertThat(Numbers.tick(0.30000000000000004, 0.1)).isEqualTo("0.3");
    assertThat(Numbers.tick(-1e-17, 0.1)).isEqualTo("0.0");
    assertThat(Numbers.tick(5, 5)).isEqualTo("5");
    assertThat(Numbers.tick(0.975, 0.025)).isEqualTo("0.98");
    assertThat(Numbers.tick(3e-6, 1e-6)).isEqualTo("3.0e-06");
    assertThat(Numbers.coordinate(-0.001)).isEqualTo("0");
    assertThat(Numbers.coordinate(12.50)).isEqualTo("12.5");
    assertThat(Numbers.coordinate(100)).isEqualTo("100");
  }

  @Test
  void histogramCountsEverySampleOnce() {
    Histogram histogram = Histogram.of(new float[] {-1, 0, 0.5f, 1, 2, 3.99f, 4, 99}, 0, 4, 4);
    assertThat(histogram.counts()).containsExactly(3, 1, 1, 3);
    assertThat(histogram.total()).isEqualTo(8);
    assertThat(histogram.share(0)).isEqualTo(0.375);
    assertThat(Histogram.ofEntropies(new float[] {(float) Math.log(10)}, 10).counts()[29]).isOne();
    assertThatThrownBy(() -> Histogram.of(new float[] {Float.NaN}, 0, 1, 2))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Histogram.of(new float[0], 0, 1, 2))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void overlapIsTheCommonArea() {
    Histogram a = Histogram.of(new float[] {0.5f, 0.5f, 1.5f, 1.5f}, 0, 4, 4);
    Histogram b = Histogram.of(new float[] {1.5f, 2.5f}, 0, 4, 4);
    assertThat(a.overlap(a)).isEqualTo(1);
    assertThat(a.overlap(b)).isEqualTo(0.5);
    assertThat(a.overlap(Histogram.of(new float[] {3.5f}, 0, 4, 4))).isZero();
    assertThat(a.overlap(Histogram.of(new float[] {3.5f}, 0, 4, 5))).isNaN();
  }

  @Test
  void plotsStayInsideTheirBox() {
    String svg =
        HistogramChart.render("h", "t", Map.of("forget", Samples.histogram(1, 100, 0.5)), 1)
            + LineChart.render(
                "l",
                "t",
                List.of(
                    new LineChart.Series("s", "s0", 0, false, List.of(1, 2), List.of(-7e5, 3e-3))),
                List.of(new LineChart.Reference("r", "c-gold", 2e6)));
    java.util.regex.Matcher points =
        java.util.regex.Pattern.compile("[ML](-?[0-9.]+) (-?[0-9.]+)").matcher(svg);
    int count = 0;
    while (points.find()) {
      assertThat(Double.parseDouble(points.group(1))).isBetween(0.0, 420.0);
      assertThat(Double.parseDouble(points.group(2))).isBetween(0.0, 290.0);
      count++;
    }
    assertThat(count).isGreaterThan(80);
  }

  @Test
  void setsAreKnown() {
    assertThatThrownBy(
            () ->
                new RunSummary(
                    "n",
                    RunSummary.Role.UNLEARNED,
                    Samples.NO_METRICS,
                    null,
                    null,
                    Map.of("train", Samples.histogram(1, 5, 1)),
                    null,
                    null))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("train");
  }
}
