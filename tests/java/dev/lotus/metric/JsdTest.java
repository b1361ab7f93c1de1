package dev.lotus.metric;

import static dev.lotus.metric.Golden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@link Jsd} and {@link JsdUpstream} against the published code (golden b). */
class JsdTest {
  private static final GoldenFile GOLDEN = Golden.file("b_jsdiv");

  static List<String> cases() {
    return GOLDEN.arrays().keySet().stream()
        .filter(name -> name.endsWith("__p"))
        .map(name -> name.substring(0, name.length() - 3))
        .toList();
  }

  @Test
  void goldenHasAllCases() {
    assertThat(cases()).hasSize(11).contains("disjoint_onehot_1x10", "unnormalised_rows_8x10");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void textbook(String name) {
    double[][] p = GOLDEN.array(name + "__p").rows();
    double[][] q = GOLDEN.array(name + "__q").rows();
    double expected = GOLDEN.array(name + "__textbook_rowmean_f64").scalar();
    assertClose(name, Jsd.meanOverRows(p, q), expected, 1e-12, 1e-12);
    assertClose(name + " swapped", Jsd.meanOverRows(q, p), expected, 1e-12, 1e-12);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void upstream(String name) {
    double[][] p = GOLDEN.array(name + "__p").rows();
    double[][] q = GOLDEN.array(name + "__q").rows();
    assertClose(
        name, JsdUpstream.of(p, q), GOLDEN.array(name + "__official_f64").scalar(), 1e-12, 1e-12);
    assertClose(
        name, JsdUpstream.of(p, q), GOLDEN.array(name + "__official_f32").scalar(), 1e-6, 1e-5);
  }

  /**
   * Rows of disjoint one-hot vectors: m = (1 + 1e-8)/2 twice a row, and each term is m log(m /
   * 1e-4).
   */
  @Test
  void badTeachingByHand() {
    double[][] p = {{1, 0, 0, 0}, {1, 0, 0, 0}, {1, 0, 0, 0}};
    double[][] q = {{0, 1, 0, 0}, {0, 1, 0, 0}, {0, 1, 0, 0}};
    double m = (1 + 1e-8) / 2;
    assertClose("bt", JsdUpstream.badTeaching(p, q), 2 * m * Math.log(m / 1e-4) / 4, 1e-12, 1e-12);
    assertThat(JsdUpstream.badTeaching(p, p)).isZero();
  }

  @Test
  void repeatingTheDataDividesTheUpstreamFormOnly() {
    double[][] p = {{0.7, 0.3}, {0.2, 0.8}};
    double[][] q = {{0.6, 0.4}, {0.5, 0.5}};
    double[][] p2 = {p[0], p[1], p[0], p[1]};
    double[][] q2 = {q[0], q[1], q[0], q[1]};
    assertClose("upstream", JsdUpstream.of(p2, q2), JsdUpstream.of(p, q) / 2, 1e-14, 0);
    assertClose("textbook", Jsd.meanOverRows(p2, q2), Jsd.meanOverRows(p, q), 1e-14, 0);
    assertClose("bt", JsdUpstream.badTeaching(p2, q2), JsdUpstream.badTeaching(p, q), 1e-14, 0);
  }

  @Test
  void refusesWhatIsNoDistribution() {
    double[][] good = {{0.5, 0.5}};
    assertThatThrownBy(() -> Jsd.meanOverRows(good, new double[][] {{0, 0}}))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("row 0 of q sums to 0.0");
    assertThatThrownBy(() -> Jsd.meanOverRows(new double[][] {{-0.1, 1.1}}, good))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("p[0][0] = -0.1");
    assertThatThrownBy(() -> Jsd.meanOverRows(new double[][] {{Double.NaN, 1}}, good))
        .isInstanceOf(InputException.class);
    assertThatThrownBy(() -> JsdUpstream.of(good, new double[][] {{0.5, Double.NaN}}))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("q[0][1] is NaN");
    assertThatThrownBy(() -> JsdUpstream.badTeaching(good, new double[][] {{0.5, 0.25, 0.25}}))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("2 columns in p, 3 in q");
    assertThatThrownBy(() -> Jsd.meanOverRows(new double[0][], new double[0][]))
        .isInstanceOf(InputException.class);
  }
}
