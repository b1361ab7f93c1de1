package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lotus.device.InputException;
import dev.lotus.metric.GoldenFile;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** {@link Temperature} against the published code (golden e). */
class TemperatureTest {
  private static final GoldenFile GOLDEN = golden();

  private static GoldenFile golden() {
    try {
      return GoldenFile.read(
          Path.of(
              Objects.requireNonNull(TemperatureTest.class.getResource("/golden/e_schedule.json"))
                  .toURI()));
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void tauOnTheWholeGrid() {
    double[] grid = GOLDEN.array("grid").data();
    for (int alpha : new int[] {2, 8}) {
      double[][] expected = GOLDEN.array("tau_alpha" + alpha).rows();
      Temperature temperature = new Temperature(alpha);
      for (int f = 0; f < grid.length; f++) {
        for (int u = 0; u < grid.length; u++) {
          double actual = temperature.tau(grid[f], grid[u]);
          assertThat(Math.abs(actual - expected[f][u])).isLessThanOrEqualTo(1e-12 * expected[f][u]);
        }
      }
    }
  }

  @Test
  void stopRuleOnTheWholeGrid() {
    double[] grid = GOLDEN.array("grid").data();
    double[][] expected = GOLDEN.array("stop_rule_rows_accf_cols_accu").rows();
    Temperature published = new Temperature(2, 2);
    for (int f = 0; f < grid.length; f++) {
      for (int u = 0; u < grid.length; u++) {
        assertThat(published.stops(grid[f], grid[u]))
            .as("acc_f %s acc_u %s", grid[f], grid[u])
            .isEqualTo(expected[f][u] == 1);
      }
    }
  }

  /**
   * A gap of one point stops or not by what doubles make of it; the published code has the same
   * list.
   */
  @Test
  void onePointGap() {
    Temperature published = new Temperature(2, 2);
    int[] notStopped =
        IntStream.rangeClosed(1, 100)
            .filter(k -> !published.stops((k - 1) / 100.0, k / 100.0))
            .toArray();
    assertThat(notStopped).containsExactly(GOLDEN.array("no_stop_k").ints());
  }

  @Test
  void roundsAsThePublishedCode() {
    double[] correct = GOLDEN.array("acc_correct").data();
    double[] total = GOLDEN.array("acc_total").data();
    double[] expected = GOLDEN.array("acc_rounded").data();
    Temperature published = new Temperature(2, 2);
    for (int i = 0; i < correct.length; i++) {
      assertThat(published.rounded(correct[i] / total[i])).isEqualTo(expected[i]);
    }
    assertThat(new Temperature(2).rounded(0.123456)).isEqualTo(0.123456);
    assertThat(new Temperature(2, 0).rounded(0.7)).isEqualTo(1);
  }

  /** Whole runs of the published loop: temperatures epoch by epoch, and the epoch that stops. */
  @Test
  void drivenRuns() {
    JsonNode runs = GOLDEN.meta().path("driven");
    assertThat(runs.size()).isPositive();
    for (JsonNode run : runs) {
      Temperature published = new Temperature(run.path("alpha").asDouble(), 2);
      double unseen = run.path("acc_u").asDouble();
      int epoch = 0;
      for (JsonNode forget : run.path("acc_f")) {
        if (published.stops(forget.asDouble(), unseen)) {
          break;
        }
        double expected = run.path("temperature").get(epoch).asDouble();
        assertThat(Math.abs(published.tau(forget.asDouble(), unseen) - expected))
            .isLessThanOrEqualTo(1e-12 * expected);
        epoch++;
      }
      assertThat(epoch).as(run.toString()).isEqualTo(run.path("epochs_run").asInt());
    }
  }

  @Test
  void roundingDecidesBothTauAndStop() {
    Temperature published = new Temperature(8, 2);
    Temperature exact = new Temperature(8);
    assertThat(published.tau(0.996, 0.904)).isEqualTo(Math.exp(8 * (1.0 - 0.9)));
    assertThat(exact.tau(0.996, 0.904)).isEqualTo(Math.exp(8 * (0.996 - 0.904)));
    assertThat(published.stops(0.894, 0.906)).isTrue();
    assertThat(published.stops(0.8951, 0.9049)).isFalse();
    assertThat(exact.stops(0.89, 0.9)).isTrue();
  }

  @Test
  void refusesUnusableSettings() {
    for (double alpha : new double[] {-1, Double.NaN, Double.POSITIVE_INFINITY}) {
      assertThatThrownBy(() -> new Temperature(alpha))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("alpha = " + alpha);
    }
    assertThatThrownBy(() -> new Temperature(1, 16)).isInstanceOf(InputException.class);
    assertThat(Arrays.stream(new int[] {-1, 0, 15}).mapToObj(d -> new Temperature(1, d)))
        .hasSize(3);
  }
}
