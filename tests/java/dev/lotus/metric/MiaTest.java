package dev.lotus.metric;

import static dev.lotus.metric.Golden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link Mia} against the published code (golden d). */
class MiaTest {
  private static final float[] NONE = {};

  @ParameterizedTest
  @ValueSource(strings = {"d_mia_10cls", "d_mia_nogap"})
  void fromThePublishedEntropies(String name) {
    GoldenFile golden = Golden.file(name);
    float[] x = golden.array("X_r").floats();
    int[] y = golden.array("Y_r").ints();
    int members = (int) Arrays.stream(y).filter(v -> v == 1).count();
    assertThat(Arrays.copyOf(y, members)).containsOnly(1);
    Mia.Result actual =
        Mia.fit(
            Arrays.copyOf(x, members),
            Arrays.copyOfRange(x, members, x.length),
            NONE,
            golden.array("X_f").floats());
    assertClose("w", actual.coefficient(), golden.array("exact_C1_coef").scalar(), 0, 1e-10);
    assertClose("b", actual.intercept(), golden.array("exact_C1_intercept").scalar(), 0, 1e-10);
    assertThat(actual.score()).isEqualTo(golden.array("exact_C1_fraction").scalar());
    assertThat(actual.score()).isEqualTo(golden.array("official_fraction").scalar());
  }

  @ParameterizedTest
  @ValueSource(strings = {"d_mia_10cls", "d_mia_nogap"})
  void fromLogits(String name) {
    GoldenFile golden = Golden.file(name);
    Mia.Result actual =
        Mia.fit(
            entropy(golden, "retain"),
            entropy(golden, "test"),
            entropy(golden, "val"),
            entropy(golden, "forget"));
    assertClose("w", actual.coefficient(), golden.array("exact_C1_coef").scalar(), 0, 1e-4);
    assertClose("b", actual.intercept(), golden.array("exact_C1_intercept").scalar(), 0, 1e-4);
    assertThat(actual.score()).isEqualTo(golden.array("exact_C1_fraction").scalar());
  }

  private static float[] entropy(GoldenFile golden, String set) {
    return Golden.statistics(golden.array(set + "_logits"), null).entropy();
  }

  /** The gradient of the documented objective vanishes at the solution, whatever the data. */
  @ParameterizedTest
  @ValueSource(strings = {"separated", "overlapping", "tiny", "imbalanced", "same", "large"})
  void solutionIsStationary(String kind) {
    SplittableRandom random = new SplittableRandom(5);
    int n = kind.equals("large") ? 20000 : 300;
    float[] retain = new float[n];
    float[] test = new float[kind.equals("imbalanced") ? 3 : 100];
    for (int i = 0; i < retain.length; i++) {
      retain[i] = (float) (random.nextDouble() * scale(kind));
    }
    for (int i = 0; i < test.length; i++) {
      double shift = kind.equals("separated") ? 3 : kind.equals("same") ? 0 : 0.4 * scale(kind);
      test[i] = (float) (random.nextDouble() * scale(kind) + shift);
    }
    Mia.Result fit = Mia.fit(retain, test, NONE, new float[] {0, 1});
    double gw = fit.coefficient();
    double gb = 0;
    double total = retain.length + test.length;
    for (float x : retain) {
      double r = total / (2 * retain.length) * (sigmoid(fit, x) - 1);
      gw += r * x;
      gb += r;
    }
    for (float x : test) {
      double r = total / (2 * test.length) * sigmoid(fit, x);
      gw += r * x;
      gb += r;
    }
    assertThat(Math.hypot(gw, gb) / total).isLessThan(1e-12);
  }

  private static double scale(String kind) {
    return kind.equals("tiny") ? 1e-6 : 1;
  }

  private static double sigmoid(Mia.Result fit, double x) {
    return 1 / (1 + Math.exp(-(fit.coefficient() * x + fit.intercept())));
  }

  @Test
  void separatedSetsAreToldApart() {
    float[] retain = {0.01f, 0.02f, 0.03f, 0.02f};
    float[] test = {1.5f, 1.6f};
    float[] val = {1.7f, 1.8f};
    assertThat(Mia.fit(retain, test, val, new float[] {0.02f, 0.03f}).score()).isEqualTo(1);
    assertThat(Mia.fit(retain, test, val, new float[] {1.7f, 1.6f}).score()).isZero();
    assertThat(Mia.fit(retain, test, val, new float[] {1.7f, 0.01f}).score()).isEqualTo(0.5);
  }

  @Test
  void orderOfSamplesDoesNotMatter() {
    float[] retain = {0.1f, 0.4f, 0.2f};
    float[] test = {0.3f, 0.9f};
    Mia.Result a = Mia.fit(retain, test, NONE, new float[] {0.2f});
    Mia.Result b =
        Mia.fit(new float[] {0.2f, 0.1f, 0.4f}, NONE, new float[] {0.9f, 0.3f}, new float[] {0.2f});
    assertClose("w", a.coefficient(), b.coefficient(), 1e-12, 0);
    assertThat(a.score()).isEqualTo(b.score());
  }

  @Test
  void nothingToLearnScoresZero() {
    float[] same = {0.5f, 0.5f, 0.5f};
    assertThat(Mia.fit(same, same, same, new float[] {0.1f, 0.5f, 2}))
        .isEqualTo(new Mia.Result(0, 0, 0));
  }

  @Test
  void refusesEmptyAndNonFinite() {
    float[] some = {0.1f, 0.2f};
    assertThatThrownBy(() -> Mia.fit(NONE, some, some, some))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("retain set is empty");
    assertThatThrownBy(() -> Mia.fit(some, NONE, NONE, some))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("test and validation are empty");
    assertThatThrownBy(() -> Mia.fit(some, some, some, NONE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("forget set is empty");
    assertThatThrownBy(() -> Mia.fit(some, some, new float[] {0, Float.NaN}, some))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("validation sample 1 is NaN");
    assertThatThrownBy(() -> Mia.fit(some, some, some, new float[] {Float.POSITIVE_INFINITY}))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("forget sample 0 is Infinity");
  }
}
