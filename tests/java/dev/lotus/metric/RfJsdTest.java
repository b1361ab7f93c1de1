package dev.lotus.metric;

import static dev.lotus.metric.Golden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link RfJsd} against the published code (golden c). */
class RfJsdTest {
  @ParameterizedTest
  @ValueSource(strings = {"c_rfjsd_10cls_full", "c_rfjsd_10cls_missing3", "c_rfjsd_single_class"})
  void fromLogits(String name) {
    GoldenFile golden = Golden.file(name);
    RfJsd actual =
        RfJsd.of(
            Golden.statistics(golden.array("forget_logits"), golden.array("forget_labels").ints()),
            Golden.statistics(golden.array("test_logits"), golden.array("test_labels").ints()));
    assertClose(name, actual.upstream(), golden.array("rfjsd_closed_f64").scalar(), 1e-6, 1e-5);
    assertClose(name, actual.upstream(), golden.array("rfjsd_raw_f32").scalar(), 1e-6, 1e-5);
    assertClose(name, actual.textbook(), golden.array("textbook_rowmean_f64").scalar(), 1e-6, 1e-5);
    assertThat(Math.rint(actual.upstream() * 1e6) / 1e6)
        .isEqualTo(golden.array("rfjsd_rounded").scalar());
    assertThat(actual.classesUsed()).isEqualTo(golden.array("classes_used").ints().length);
    assertThat(actual.low()).isBetween(0.0, actual.high());
    assertThat(actual.high()).isBetween(actual.low(), Math.log(2));
  }

  /** The published code's own fp32 class means, so that nothing but the divergence is compared. */
  @ParameterizedTest
  @ValueSource(strings = {"c_rfjsd_10cls_full", "c_rfjsd_10cls_missing3", "c_rfjsd_single_class"})
  void fromClassMeans(String name) {
    GoldenFile golden = Golden.file(name);
    int[] used = golden.array("classes_used").ints();
    double[][] p = new double[10][];
    double[][] q = new double[10][];
    long[] counts = new long[10];
    for (int i = 0; i < used.length; i++) {
      p[used[i]] = golden.array("class_mean_forget").rows()[i];
      q[used[i]] = golden.array("class_mean_test").rows()[i];
      counts[used[i]] = 1;
    }
    long[] everywhere = counts.clone();
    RfJsd actual = RfJsd.of(p, counts, q, everywhere);
    assertClose(name, actual.upstream(), golden.array("rfjsd_closed_f64").scalar(), 1e-12, 1e-12);
    assertClose(
        name, actual.textbook(), golden.array("textbook_rowmean_f64").scalar(), 1e-12, 1e-12);
  }

  @Test
  void classAbsentFromTheTestHalfIsLeftOut() {
    double[][] p = {{0.7, 0.2, 0.1}, {0.1, 0.8, 0.1}, {0.2, 0.2, 0.6}};
    double[][] q = {{0.6, 0.3, 0.1}, null, {0.1, 0.1, 0.8}};
    RfJsd actual = RfJsd.of(p, new long[] {4, 4, 4}, q, new long[] {3, 0, 3});
    assertThat(actual.classesUsed()).isEqualTo(2);
    double[][] kept = {p[0], p[2]};
    double[][] keptQ = {q[0], q[2]};
    assertClose("textbook", actual.textbook(), Jsd.meanOverRows(kept, keptQ), 1e-15, 0);
    assertClose("upstream", actual.upstream(), JsdUpstream.of(kept, keptQ), 1e-15, 0);
  }

  @Test
  void equalMeansGiveZeroEverywhere() {
    double[][] p = {{0.7, 0.3}, {0.5, 0.5}};
    RfJsd actual = RfJsd.of(p, new long[] {1, 1}, p, new long[] {1, 1});
    assertThat(actual).isEqualTo(new RfJsd(0, 0, 2, 0, 0));
  }

  /**
   * With C = 3 there are three subsets of two columns, so the interval is made of their three
   * values.
   */
  @Test
  void intervalIsMadeOfTheSubsetsValues() {
    double[][] p = {{0.7, 0.2, 0.1}};
    double[][] q = {{0.3, 0.3, 0.4}};
    double[] values = {
      pair(0.7, 0.2, 0.3, 0.3), pair(0.7, 0.1, 0.3, 0.4), pair(0.2, 0.1, 0.3, 0.4),
    };
    Arrays.sort(values);
    RfJsd actual = RfJsd.of(p, new long[] {1, 0, 0}, pad(q), new long[] {1, 0, 0});
    assertClose("low", actual.low(), values[0], 1e-15, 0);
    assertClose("high", actual.high(), values[2], 1e-15, 0);
  }

  private static double[][] pad(double[][] rows) {
    return Arrays.copyOf(rows, 3);
  }

  private static double pair(double a, double b, double c, double d) {
    return Jsd.meanOverRows(new double[][] {{a, b}}, new double[][] {{c, d}});
  }

  /** Percentiles of the plain computation over the same subsets, on means as models make them. */
  @Test
  void agreesWithThePlainComputation() {
    SplittableRandom random = new SplittableRandom(7);
    double[][] p = new double[12][];
    double[][] q = new double[12][];
    for (int k = 0; k < 12; k++) {
      p[k] = random.doubles(12).map(x -> x * x).toArray();
      q[k] = random.doubles(12).map(x -> x * x).toArray();
    }
    long[] counts = new long[12];
    Arrays.fill(counts, 3);
    RfJsd actual = RfJsd.of(p, counts, q, counts);
    assertClose("textbook", actual.textbook(), Jsd.meanOverRows(p, q), 1e-14, 0);
    assertClose("upstream", actual.upstream(), JsdUpstream.of(p, q), 1e-14, 0);
    double[] draws = RfJsdReference.overSubsets(p, q, RfJsd.SUBSET_SEED, RfJsd.SUBSETS);
    Arrays.sort(draws);
    assertClose("low", actual.low(), RfJsd.percentile(draws, 2.5), 1e-14, 0);
    assertClose("high", actual.high(), RfJsd.percentile(draws, 97.5), 1e-14, 0);
  }

  /** Frozen: another draw would change every stored interval. */
  @Test
  void subsetsAreFrozenAndUniform() {
    assertThat(RfJsdReference.columns(RfJsd.SUBSET_SEED, 0, 10)).containsExactly(FIRST_SUBSET);
    int[] hits = new int[7];
    for (int r = 0; r < 7000; r++) {
      int[] columns = RfJsdReference.columns(RfJsd.SUBSET_SEED, r, 7);
      assertThat(columns).hasSize(4).doesNotHaveDuplicates();
      IntStream.of(columns).forEach(c -> hits[c]++);
    }
    // Binomial(7000, 4/7): mean 4000, standard deviation 41.
    assertThat(IntStream.of(hits)).allMatch(h -> Math.abs(h - 4000) < 200);
  }

  private static final int[] FIRST_SUBSET = {0, 1, 2, 3, 4};

  @Test
  void oneSideWithoutMassOnASubsetIsTheLargestDifference() {
    double[][] p = {{1, 0}, {0, 1}};
    double[][] q = {{0, 1}, {0, 1}};
    // Row 0: either column leaves one side empty (ln 2); row 1: both agree, or both are empty (0).
    RfJsd actual = RfJsd.of(p, new long[] {1, 1}, q, new long[] {1, 1});
    assertThat(actual.low()).isEqualTo(Math.log(2) / 2);
    assertThat(actual.high()).isEqualTo(Math.log(2) / 2);
  }

  @Test
  void percentileInterpolates() {
    double[] values = {0, 10, 20, 30};
    assertThat(RfJsd.percentile(values, 50)).isEqualTo(15);
    assertThat(RfJsd.percentile(values, 0)).isZero();
    assertThat(RfJsd.percentile(values, 100)).isEqualTo(30);
  }

  @Test
  void refusesMeansThatAreNotFinite() {
    double[][] bad = {{Double.NaN, 1}};
    assertThatThrownBy(
            () -> RfJsd.of(bad, new long[] {1}, new double[][] {{0.5, 0.5}}, new long[] {1}))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("negative or not finite");
  }

  @Test
  void refusesSetsThatShareNothing() {
    double[][] rows = {{1, 0}, {0, 1}};
    assertThatThrownBy(() -> RfJsd.of(rows, new long[] {1, 0}, rows, new long[] {0, 1}))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no class of the forget set");
    assertThatThrownBy(() -> RfJsd.of(rows, new long[] {1, 0}, new double[1][1], new long[] {1}))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("2 classes, the test set with 1");
  }
}
