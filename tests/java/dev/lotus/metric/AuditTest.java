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

/**
 * {@link ForgettingScore}, {@link EntropyShift}, {@link Correlation}, {@link Tow} and {@link
 * Softmax}, against scipy and plain numpy, and their limits.
 */
class AuditTest {
  private static final GoldenFile FILE = Golden.file("metrics/statistics");
  private final SplittableRandom random = new SplittableRandom(11);

  @ParameterizedTest
  @ValueSource(strings = {"same", "shifted", "narrow", "peaky", "apart"})
  void forgettingScoreIsThePublishedGridMadeExact(String name) {
    ForgettingScore score =
        ForgettingScore.of(
            FILE.array("forgetting_" + name + "_u").rows(),
            FILE.array("forgetting_" + name + "_r").rows());
    double[] expected = FILE.array("forgetting_" + name + "_epsilon").data();
    for (int s = 0; s < expected.length; s++) {
      assertClose("epsilon " + s, score.epsilon()[s], expected[s], 1e-12, 1e-12);
    }
    assertClose("quality", score.quality(), FILE.array("forgetting_" + name).scalar(), 1e-15, 0);
  }

  @Test
  void forgettingScoreKnowsItsLimits() {
    double[][] models = new double[8][3];
    for (double[] model : models) {
      Arrays.setAll(model, s -> random.nextDouble());
    }
    assertThat(ForgettingScore.of(models, models).quality()).isEqualTo(1);
    double[][] elsewhere = new double[8][3];
    for (double[] model : elsewhere) {
      Arrays.setAll(model, s -> 20 + random.nextDouble());
    }
    ForgettingScore apart = ForgettingScore.of(models, elsewhere);
    assertThat(apart.quality()).isZero();
    assertThat(apart.epsilon()).containsOnly(ForgettingScore.CAP);
    double[][] constant = new double[8][3];
    assertThat(ForgettingScore.of(constant, constant).quality()).isEqualTo(1);
    assertThat(ForgettingScore.of(constant, models).quality()).isZero();
    // Exchanging the two sides changes nothing.
    double[][] near = new double[8][3];
    for (double[] model : near) {
      Arrays.setAll(model, s -> 0.4 + random.nextDouble());
    }
    assertThat(ForgettingScore.of(models, near).epsilon())
        .isEqualTo(ForgettingScore.of(near, models).epsilon());
    assertThat(new ForgettingScore(0.5, new double[0], 8).score(0.8, 0.6, 1, 0.8))
        .isEqualTo(0.5 * 0.8 * (0.6 / 0.8));
  }

  @Test
  void forgettingScoreRefusesWhatItCannotJudge() {
    double[][] three = new double[3][2];
    assertThatThrownBy(() -> ForgettingScore.of(new double[2][2], new double[2][2]))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("at least 3");
    assertThatThrownBy(() -> ForgettingScore.of(three, new double[4][2]))
        .hasMessageContaining("3 unlearned and 4 retrained models");
    assertThatThrownBy(() -> ForgettingScore.of(three, new double[3][1]))
        .hasMessageContaining("retrained model 0 has 1 forget examples, 2 are expected");
    assertThatThrownBy(() -> ForgettingScore.of(new double[3][0], new double[3][0]))
        .hasMessageContaining("has 0 forget examples");
    double[][] nan = {{0}, {Double.NaN}, {0}};
    assertThatThrownBy(() -> ForgettingScore.of(nan, new double[3][1]))
        .hasMessageContaining("unlearned model 1 is NaN");
    assertThatThrownBy(() -> new ForgettingScore(1, new double[0], 3).score(1, 1, 0, 1))
        .hasMessageContaining("right on none");
  }

  @ParameterizedTest
  @ValueSource(strings = {"equal", "apart", "ties", "large", "two"})
  void entropyShiftIsScipys(String name) {
    double[] expected = FILE.array("ks_" + name).data();
    EntropyShift shift =
        EntropyShift.of(
            FILE.array("ks_" + name + "_x").floats(), FILE.array("ks_" + name + "_y").floats());
    assertClose("statistic", shift.statistic(), expected[0], 0, 1e-12);
    assertClose("p", shift.pValue(), expected[1], 0, 1e-9);
  }

  @Test
  void entropyShiftOfOneDistributionIsNone() {
    float[] values = {1, 2, 3, 4};
    assertThat(EntropyShift.of(values, values)).isEqualTo(new EntropyShift(0, 1));
    assertThat(EntropyShift.of(new float[5], new float[7])).isEqualTo(new EntropyShift(0, 1));
    EntropyShift apart = EntropyShift.of(values, new float[] {5, 6, 7, 8});
    assertThat(apart.statistic()).isEqualTo(1);
    assertClose("p", apart.pValue(), 2 / 70.0, 0, 1e-12);
    float[] large = new float[12_000];
    for (int i = 0; i < large.length; i++) {
      large[i] = (float) random.nextDouble();
    }
    assertThat(EntropyShift.of(large, Arrays.copyOf(large, 11_000)).pValue()).isBetween(0.99, 1.0);
    assertThatThrownBy(() -> EntropyShift.of(new float[1], values))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("forget set has 1 samples");
    assertThatThrownBy(() -> EntropyShift.of(values, new float[] {0, Float.NaN}))
        .hasMessageContaining("test sample 1 is NaN");
  }

  @ParameterizedTest
  @ValueSource(strings = {"strong", "weak", "negative", "three", "tiny"})
  void correlationIsScipys(String name) {
    double[] expected = FILE.array("pearson_" + name).data();
    Correlation found =
        Correlation.pearson(
            FILE.array("pearson_" + name + "_x").data(),
            FILE.array("pearson_" + name + "_y").data());
    assertClose("r", found.r(), expected[0], 1e-14, 1e-12);
    assertClose("p", found.p(), expected[1], 1e-14, 1e-9);
  }

  @Test
  void correlationKnowsItsLimits() {
    double[] x = {1, 2, 3, 5};
    assertThat(Correlation.pearson(x, x)).isEqualTo(new Correlation(4, 1.0, 0.0));
    assertThat(Correlation.pearson(x, new double[] {-2, -4, -6, -10}).r()).isEqualTo(-1);
    assertThat(Correlation.pearson(new double[] {1, 2}, new double[] {2, 1}).r()).isNull();
    assertThat(Correlation.pearson(x, new double[] {0.1, 0.1, 0.1, 0.1}).p()).isNull();
    assertThatThrownBy(() -> Correlation.pearson(x, new double[3]))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("4 values against 3");
    assertThatThrownBy(() -> Correlation.pearson(x, new double[] {1, 2, Double.NaN, 3}))
        .hasMessageContaining("NaN");
  }

  @Test
  void tugOfWarIsAProductOfThree() {
    AvgGap.Scores gold = new AvgGap.Scores(0.7, 0.9, 1, 0.8);
    AvgGap.Scores model = new AvgGap.Scores(0.9, 0.8, 0.95, 0.85);
    assertClose("tow", Tow.accuracy(model, gold), 0.9 * 0.95 * 0.95, 1e-15, 0);
    assertClose("tow_mia", Tow.mia(model, gold), 0.8 * 0.95 * 0.95, 1e-15, 0);
    assertThat(Tow.accuracy(gold, gold)).isEqualTo(1);
    assertThat(Tow.accuracy(model, gold)).isEqualTo(Tow.accuracy(gold, model));
    AvgGap.Scores farthest = new AvgGap.Scores(0, 0, 0, 0);
    assertThat(Tow.mia(farthest, new AvgGap.Scores(1, 1, 1, 1))).isZero();
  }

  @Test
  void logitScaledConfidenceKeepsItsDigits() {
    assertThat(Softmax.of(new double[] {1, 1, 1, 1})).containsOnly(0.25);
    assertClose("p", Softmax.of(new double[] {1e4, 1e4 - 1})[1], 1 / (1 + Math.E), 0, 1e-12);
    double[] logits = {3, 1, -2};
    double p = Softmax.of(logits)[0];
    assertClose("phi", Softmax.logitScaled(logits, 0), Math.log(p / (1 - p)), 0, 1e-12);
    // p is 1 in double here, its logit is not infinite.
    assertClose("phi", Softmax.logitScaled(new double[] {100, 0}, 0), 100, 0, 1e-15);
    double none = Double.NEGATIVE_INFINITY;
    assertThat(Softmax.logitScaled(new double[] {0, none}, 0)).isEqualTo(Softmax.LIMIT);
    assertThat(Softmax.logitScaled(new double[] {0, none}, 1)).isEqualTo(-Softmax.LIMIT);
    assertThat(Softmax.logitScaled(new double[] {5}, 0)).isEqualTo(Softmax.LIMIT);
    assertThat(Softmax.rows(new float[] {0, 0, 1, 1}, 2)).hasDimensions(2, 2);
  }
}
