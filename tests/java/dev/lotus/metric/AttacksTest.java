package dev.lotus.metric;

import static dev.lotus.metric.Golden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * {@link Roc}, {@link LossAttack}, {@link ULira} and {@link Rmia}: against scikit-learn, and what
 * must hold for any input. Their values on a whole file are in {@link StoredMetricsTest}.
 */
class AttacksTest {
  private static final SplittableRandom RANDOM = new SplittableRandom(7);

  private static double[] draw(int n, double shift) {
    double[] values = new double[n];
    for (int i = 0; i < n; i++) {
      values[i] = shift + RANDOM.nextDouble(-1, 1);
    }
    return values;
  }

  @ParameterizedTest
  @ValueSource(strings = {"plain", "ties", "many", "below"})
  void rocIsScikitLearns(String name) {
    GoldenFile file = Golden.file("metrics/statistics");
    Roc roc =
        Roc.of(
            file.array("roc_" + name + "_members").data(),
            file.array("roc_" + name + "_others").data());
    double[] expected = file.array("roc_" + name).data();
    assertClose("auc", roc.auc(), expected[0], 0, 1e-12);
    assertThat(roc.tpr1()).isEqualTo(expected[1]);
    assertThat(roc.tpr01()).isEqualTo(expected[2]);
  }

  @Test
  void rocKnowsItsLimits() {
    double[] low = {1, 2, 3};
    double[] high = {4, 5};
    assertThat(Roc.of(high, low)).isEqualTo(new Roc(1, 1, 1));
    assertThat(Roc.of(low, high)).isEqualTo(new Roc(0, 0, 0));
    assertThat(Roc.of(new double[] {2, 2}, new double[] {2})).isEqualTo(new Roc(0.5, 0, 0));
    assertThat(Roc.of(new double[] {0.0}, new double[] {-0.0}).auc()).isEqualTo(0.5);
    double inf = Double.POSITIVE_INFINITY;
    assertThat(Roc.of(new double[] {inf, -inf}, new double[] {0}).auc()).isEqualTo(0.5);
    // One false positive among 100 is within 1%, two are not.
    double[] others = new double[100];
    others[0] = 5;
    assertThat(Roc.of(new double[] {6, 4, 3, -1}, others)).isEqualTo(new Roc(0.745, 0.75, 0.25));
    others[1] = 5;
    assertThat(Roc.of(new double[] {6, 4, 3, -1}, others).tpr1()).isEqualTo(0.25);
  }

  @Test
  void rocIsInvariantUnderMonotoneMapsAndMirrored() {
    for (int trial = 0; trial < 20; trial++) {
      double[] members = draw(1 + RANDOM.nextInt(40), 0.2);
      double[] others = draw(1 + RANDOM.nextInt(40), 0);
      Roc roc = Roc.of(members, others);
      assertThat(Roc.of(mapped(members), mapped(others))).isEqualTo(roc);
      assertClose("mirrored", Roc.of(others, members).auc(), 1 - roc.auc(), 1e-15, 0);
      assertThat(roc.tpr01()).isBetween(0.0, roc.tpr1());
      assertThat(roc.tpr1()).isLessThanOrEqualTo(1);
    }
  }

  private static double[] mapped(double[] values) {
    return Arrays.stream(values).map(v -> Math.exp(3 * v) - 1).toArray();
  }

  @Test
  void emptyGroupsAndNaNAreRefused() {
    assertThatThrownBy(() -> Roc.of(new double[0], new double[1]))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no members");
    assertThatThrownBy(() -> Roc.of(new double[1], new double[0]))
        .hasMessageContaining("no non-members");
    assertThatThrownBy(() -> Roc.of(new double[1], new double[] {0, Double.NaN}))
        .hasMessageContaining("score 1 of the non-members is NaN");
  }

  @Test
  void overUnlearningIsFarBelowHalfAndBelowTheRetrainedModel() {
    float[] unseen = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    LossAttack trained = LossAttack.of(new float[] {0, 0.5f}, unseen, new float[0]);
    assertThat(trained.roc().auc()).isEqualTo(1);
    assertThat(trained.overUnlearned(null)).isFalse();
    LossAttack over = LossAttack.of(new float[] {9.5f, 8.5f}, new float[0], unseen);
    assertThat(over.roc().auc()).isEqualTo(0.15);
    assertThat(over.overUnlearned(null)).isTrue();
    // A class that nobody knows any more: the retrained model does no better on it.
    assertThat(over.overUnlearned(over)).isFalse();
    assertThat(over.overUnlearned(trained)).isTrue();
    LossAttack slightly = LossAttack.of(new float[] {5.5f, 6.5f}, unseen, new float[0]);
    assertThat(slightly.roc().auc()).isEqualTo(0.45);
    assertThat(slightly.overUnlearned(null)).isFalse();
  }

  /** Models that answer 2 higher on what they were trained on; every second sample a member. */
  private static List<ShadowModel> models(int count, int samples) {
    List<ShadowModel> models = new ArrayList<>();
    for (int k = 0; k < count; k++) {
      double[][] answers = {draw(samples, 0), draw(samples, 0)};
      boolean[][] member = new boolean[2][samples];
      for (int set = 0; set < 2; set++) {
        for (int i = 0; i < samples; i++) {
          member[set][i] = (i + k + set) % 2 == 0;
          answers[set][i] += member[set][i] ? 2 : 0;
        }
      }
      models.add(new ShadowModel(answers[0], member[0], answers[1], member[1]));
    }
    return models;
  }

  @Test
  void bothAttacksSeeAModelThatRemembersAndNoneThatForgot() {
    List<ShadowModel> models = models(16, 60);
    ULira remembers = ULira.of(draw(60, 2), draw(60, 0), models);
    assertThat(remembers.roc().auc()).isGreaterThan(0.95);
    assertThat(remembers.accuracy()).isGreaterThan(0.9);
    assertThat(remembers.models()).isEqualTo(16);
    ULira forgot = ULira.of(draw(60, 0), draw(60, 0), models);
    assertThat(forgot.roc().auc()).isBetween(0.3, 0.7);
    assertThat(forgot.accuracy()).isBetween(0.4, 0.6);
    Rmia rmia = Rmia.of(draw(60, 2), draw(60, 0), models, Rmia.GAMMA, Rmia.OFFLINE_A);
    assertThat(rmia.online()).isTrue();
    assertThat(rmia.roc().auc()).isGreaterThan(0.8);
    AttackMetrics metrics = AttackMetrics.NONE.with(remembers).with(rmia);
    assertThat(metrics.uliraFew()).isZero();
    assertThat(metrics.rmiaModels()).isEqualTo(16);
    assertThat(AttackMetrics.NONE.with(ULira.of(draw(9, 0), draw(9, 0), models(7, 9))).uliraFew())
        .isEqualTo(1);
  }

  /**
   * Two models a side: of a sample whose two answers happen to be alike its own deviation would say
   * that it is sure of everything. By hand, with the deviation of all.
   */
  @Test
  void fewModelsShareADeviation() {
    boolean[] member = {true};
    boolean[] none = {false};
    List<ShadowModel> models =
        List.of(
            new ShadowModel(new double[] {2}, member, new double[] {3}, member),
            new ShadowModel(new double[] {2}, member, new double[] {5}, member),
            new ShadowModel(new double[] {0}, none, new double[] {1}, none),
            new ShadowModel(new double[] {2}, none, new double[] {1}, none));
    ULira attack = ULira.of(new double[] {2.2}, new double[] {0.9}, models);
    // In: squares 0 + 2 over 2 degrees; out: 2 + 0 over 2. Both deviations are 1.
    // Forget: -(0.2^2) / 2 + (1.2^2) / 2 > 0; test: -(3.1^2) / 2 + (0.1^2) / 2 < 0.
    assertThat(attack.accuracy()).isEqualTo(1);
    assertThat(attack.models()).isEqualTo(4);
    assertThat(attack.fewest()).isEqualTo(2);
    // With a deviation of its own 1e-6 this one would be called unseen.
    assertThat(ULira.of(new double[] {2.2}, new double[] {2.2}, models).roc().auc()).isEqualTo(1);
  }

  /** Many models say little if hardly any of them unlearned a sample. */
  @Test
  void fewAreCountedBySampleAndSide() {
    List<ShadowModel> models = new ArrayList<>(models(16, 9));
    assertThat(ULira.of(draw(9, 0), draw(9, 0), models).fewest()).isEqualTo(8);
    ShadowModel first = models.get(0);
    boolean[] other = first.forgetMember().clone();
    other[4] = !other[4];
    models.set(0, new ShadowModel(first.forget(), other, first.test(), first.testMember()));
    ULira attack = ULira.of(draw(9, 0), draw(9, 0), models);
    assertThat(attack.fewest()).isEqualTo(7);
    assertThat(AttackMetrics.NONE.with(attack).uliraFew()).isEqualTo(1);
  }

  @Test
  void theOrderOfModelsDoesNotMatter() {
    List<ShadowModel> models = models(8, 20);
    double[] forget = draw(20, 1);
    double[] test = draw(20, 0);
    List<ShadowModel> reversed = new ArrayList<>(models);
    java.util.Collections.reverse(reversed);
    ULira a = ULira.of(forget, test, models);
    assertClose("auc", ULira.of(forget, test, reversed).roc().auc(), a.roc().auc(), 0, 1e-12);
    assertThat(Rmia.of(forget, test, reversed, 2, 0.3).roc().auc())
        .isEqualTo(Rmia.of(forget, test, models, 2, 0.3).roc().auc());
  }

  /** Models that all answer alike leave a deviation of zero; the score must stay a number. */
  @Test
  void constantAnswersAreGuessing() {
    List<ShadowModel> constant = new ArrayList<>();
    for (ShadowModel model : models(8, 10)) {
      constant.add(
          new ShadowModel(
              new double[10], model.forgetMember(), new double[10], model.testMember()));
    }
    ULira attack = ULira.of(new double[10], new double[10], constant);
    assertThat(attack.roc().auc()).isEqualTo(0.5);
    assertThat(attack.accuracy()).isEqualTo(0.5);
    Rmia rmia = Rmia.of(new double[10], new double[10], constant, 1, 0.3);
    assertThat(rmia.roc().auc()).isEqualTo(0.5);
  }

  /** Without members among the references the published interpolation stands in for them. */
  @Test
  void rmiaOfflineByHand() {
    ShadowModel reference =
        new ShadowModel(new double[1], new boolean[1], new double[] {0, 0, 0}, new boolean[3]);
    // All p(x) are equal, so the ratio of the confidences' probabilities decides: 0.9 / 0.3 = 3.
    double[] forget = {logit(0.9)};
    double[] test = {logit(0.3), logit(0.6), logit(0.1)};
    Rmia rmia = Rmia.of(forget, test, List.of(reference), 2, 0.3);
    assertThat(rmia.online()).isFalse();
    // Scores: forget 2/3 (0.3 and 0.1); test 1/2 (0.1), 1 (0.3 and 0.1), 0.
    assertClose("auc", rmia.roc().auc(), 2 / 3.0, 1e-15, 0);
  }

  private static double logit(double p) {
    return Math.log(p / (1 - p));
  }

  @Test
  void whatCannotBeJudgedIsRefused() {
    List<ShadowModel> models = models(8, 6);
    assertThatThrownBy(() -> ULira.of(draw(6, 0), draw(6, 0), List.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no models");
    assertThatThrownBy(() -> ULira.of(draw(5, 0), draw(6, 0), models))
        .hasMessageContaining(
            "model 0 has 6 forget and 6 test samples, the attacked model 5 and 6");
    assertThatThrownBy(() -> ULira.of(draw(6, 0), draw(6, 0), models.subList(0, 3)))
        .hasMessageContaining("at least two of each");
    boolean[] all = {true, true};
    ShadowModel in = new ShadowModel(new double[2], all, new double[2], all);
    assertThatThrownBy(() -> Rmia.of(draw(2, 0), draw(2, 0), List.of(in), 2, 0.3))
        .hasMessageContaining("every reference model was trained on forget sample 0");
    assertThatThrownBy(() -> Rmia.of(draw(6, 0), draw(6, 0), models, 0, 0.3))
        .hasMessageContaining("gamma = 0.0");
    assertThatThrownBy(
            () -> new ShadowModel(new double[2], new boolean[3], new double[0], new boolean[0]))
        .hasMessageContaining("2 forget samples but a membership mask of 3");
  }
}
