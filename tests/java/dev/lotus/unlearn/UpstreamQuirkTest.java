package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import dev.lotus.load.Augmentation;
import dev.lotus.metric.Evaluation;
import dev.lotus.report.EpochTrace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The switches by name, and those that belong to no single baseline. */
@ExtendWith(LeakCheck.class)
class UpstreamQuirkTest {
  private static final Path ROOT = Path.of(System.getProperty("lotus.basedir", "."));

  @Test
  void namesAreReadAndWritten() {
    assertThat(UpstreamQuirk.parse(null, "scrub")).isEmpty();
    assertThat(UpstreamQuirk.parse("scrub-no-op,augmented-evaluation", "scrub"))
        .containsExactly(UpstreamQuirk.SCRUB_NO_OP, UpstreamQuirk.AUGMENTED_EVALUATION);
    assertThat(UpstreamQuirk.parse("all", "salun"))
        .containsExactly(
            UpstreamQuirk.SALUN_WEIGHT_DECAY,
            UpstreamQuirk.SALUN_UNMASKED_REPAIR,
            UpstreamQuirk.AUGMENTED_EVALUATION,
            UpstreamQuirk.TRAINING_MODE_EVALUATION);
    assertThat(UpstreamQuirk.names(UpstreamQuirk.parse("all", "lotus")))
        .isEqualTo("accuracy-rounding,augmented-evaluation");
    for (UpstreamQuirk quirk : UpstreamQuirk.values()) {
      assertThat(UnlearnMethods.names()).as(quirk.text()).anyMatch(quirk::concerns);
    }
  }

  @Test
  void unknownNamesAndThoseOfOtherMethodsAreRefused() {
    assertThatThrownBy(() -> UpstreamQuirk.parse("scrub-no-op,nonsense", "scrub"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("there is no 'nonsense'")
        .hasMessageContaining("ssd-every-epoch");
    assertThatThrownBy(() -> UpstreamQuirk.parse("scrub-no-op", "ssd"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("scrub-no-op belongs to scrub, not to --method ssd");
    assertThatThrownBy(() -> UpstreamQuirk.parse("", "ssd")).isInstanceOf(InputException.class);
  }

  /** Each switch has a line in the document that says what the published code does. */
  @Test
  void everySwitchIsDocumented() throws IOException {
    String document = Files.readString(ROOT.resolve("docs/fidelity.md"));
    assertThat(
            Arrays.stream(UpstreamQuirk.values())
                .map(UpstreamQuirk::text)
                .filter(name -> !document.contains("`" + name + "`")))
        .isEmpty();
  }

  /** A third or two of few samples shows the rounding in tau. */
  @Test
  void accuraciesAreRoundedBeforeTauOnlyWhenAsked() {
    Rig rig = Rig.of(7, 12, 3);
    try (Backbone original = Rig.model(1)) {
      for (boolean rounds : new boolean[] {false, true}) {
        UpstreamQuirk[] quirks =
            rounds ? new UpstreamQuirk[] {UpstreamQuirk.ACCURACY_ROUNDING} : new UpstreamQuirk[0];
        UnlearnConfig config = Rig.config("lotus", 1, 1e-3, 0, quirks);
        UnlearnMethod.Task task =
            new UnlearnMethod.Task(rig.engine, rig.data, original, original, config);
        try (UnlearnMethod lotus = UnlearnMethods.entry("lotus").factory().create(config)) {
          lotus.prepare(task);
          UnlearnMethod.Begin begin = lotus.begin(task, 0);
          Temperature temperature = new Temperature(2, rounds ? 2 : Temperature.UNROUNDED);
          assertThat(begin.stop())
              .isEqualTo(temperature.stops(begin.accForget(), begin.accUnseen()));
          if (!begin.stop()) {
            assertThat(begin.tau())
                .isEqualTo(temperature.tau(begin.accForget(), begin.accUnseen()));
          }
        }
      }
    }
  }

  /** A forgotten class has no unseen accuracy; within SalUn the published code takes val's. */
  @Test
  void classUnlearningWithinSalUn() {
    Rig rig = Rig.ofClass(9, 20, 20);
    try (Backbone original = Rig.model(1)) {
      double unseen =
          new Evaluator(rig.engine)
              .statistics(original, rig.data.dataset().heldOut(), rig.data.split().val(), "val")
              .accuracy();
      assertThat(unseen).isPositive();
      assertThat(unseenOf(rig, original, "lotus")).isZero();
      assertThat(unseenOf(rig, original, "salun-lotus")).isZero();
      assertThat(unseenOf(rig, original, "salun-lotus", UpstreamQuirk.SALUN_LOTUS_CLASS))
          .isEqualTo(unseen);
    }
  }

  private static double unseenOf(
      Rig rig, Backbone original, String method, UpstreamQuirk... quirks) {
    UnlearnConfig config = Rig.config(method, 1, 1e-3, 0, quirks);
    try (Backbone student = rig.student(original)) {
      UnlearnMethod.Task task =
          new UnlearnMethod.Task(rig.engine, rig.data, original, student, config);
      try (UnlearnMethod made = UnlearnMethods.entry(method).factory().create(config);
          AutoCloseable update = made.optimizer(task)) {
        made.prepare(task);
        return made.begin(task, 0).accUnseen();
      } catch (Exception e) {
        throw new AssertionError(e);
      }
    }
  }

  /** Published: D_f and D_r are cropped at random when measured; held-out sets never are. */
  @Test
  void trainingImagesAreAugmentedWhenMeasuredOnlyWhenAsked() {
    Rig rig = Rig.of(12, 20, 20);
    Augmentation crop = new Augmentation(8, true);
    try (Backbone model = Rig.model(1)) {
      Evaluation plain = scores(rig, model, Rig.config("scrub", 1, 0, 0, crop)).evaluation();
      Evaluation again = ModelScores.of(rig.engine, model, rig.data).evaluation();
      assertThat(plain.forget().loss()).isEqualTo(again.forget().loss());
      Evaluation cropped =
          scores(rig, model, Rig.config("scrub", 1, 0, 0, crop, UpstreamQuirk.AUGMENTED_EVALUATION))
              .evaluation();
      assertThat(cropped.forget().loss()).isNotEqualTo(plain.forget().loss());
      assertThat(cropped.retain().loss()).isNotEqualTo(plain.retain().loss());
      assertThat(cropped.val().loss()).isEqualTo(plain.val().loss());
      assertThat(cropped.test().loss()).isEqualTo(plain.test().loss());
      UnlearnConfig unaugmented = Rig.config("scrub", 1, 0, 0, UpstreamQuirk.AUGMENTED_EVALUATION);
      assertThat(scores(rig, model, unaugmented).evaluation().forget().loss())
          .isEqualTo(plain.forget().loss());
    }
  }

  /** The accuracy that sets LoTUS's temperature is measured the same way. */
  @Test
  void theTemperaturesAccuracyIsAugmentedToo() {
    Rig rig = Rig.of(40, 20, 4);
    Augmentation crop = new Augmentation(12, true);
    try (Backbone original = Rig.model(1)) {
      double[] accuracies = new double[2];
      for (int i = 0; i < 2; i++) {
        UnlearnConfig config =
            i == 0
                ? Rig.config("lotus", 1, 1e-3, 0, crop)
                : Rig.config("lotus", 1, 1e-3, 0, crop, UpstreamQuirk.AUGMENTED_EVALUATION);
        Evaluator evaluator = Evaluator.ofTraining(rig.engine, config, 0);
        float[] losses =
            evaluator
                .statistics(
                    original, rig.data.dataset().train(), rig.data.split().forget(), "forget")
                .loss();
        accuracies[i] = losses[0];
        UnlearnMethod.Task task =
            new UnlearnMethod.Task(rig.engine, rig.data, original, original, config);
        try (UnlearnMethod lotus = UnlearnMethods.entry("lotus").factory().create(config)) {
          lotus.prepare(task);
          assertThat(lotus.begin(task, 0).accForget())
              .isEqualTo(
                  evaluator
                      .statistics(
                          original, rig.data.dataset().train(), rig.data.split().forget(), "forget")
                      .accuracy());
        }
      }
      assertThat(accuracies[0]).isNotEqualTo(accuracies[1]);
    }
  }

  /**
   * Published: MIA in training mode, image by image, before all else. The entropies are those of a
   * network that normalises each image by itself, and what follows sees the statistics it left.
   */
  @Test
  void theModelIsDamagedBeforeItIsMeasuredOnlyWhenAsked() {
    Rig rig = Rig.of(6, 12, 5);
    try (Backbone model = Rig.model(1)) {
      float[] before = Rig.state(model);
      ModelScores sound = scores(rig, model, Rig.config("finetune", 1, 0, 0));
      ModelScores damaged =
          scores(
              rig, model, Rig.config("finetune", 1, 0, 0, UpstreamQuirk.TRAINING_MODE_EVALUATION));
      assertThat(Rig.state(model)).isEqualTo(before);
      assertThat(sound.evaluation().forget().loss())
          .isEqualTo(ModelScores.of(rig.engine, model, rig.data).evaluation().forget().loss());
      try (Backbone copy = model.copy()) {
        Evaluator evaluator = new Evaluator(rig.engine);
        var train = rig.data.dataset().train();
        var heldOut = rig.data.dataset().heldOut();
        var split = rig.data.split();
        evaluator.entropiesInTrainingMode(copy, train, split.retain(), "retain");
        float[] entropies =
            evaluator.entropiesInTrainingMode(copy, train, split.forget(), "forget");
        evaluator.entropiesInTrainingMode(copy, heldOut, split.test(), "test");
        evaluator.entropiesInTrainingMode(copy, heldOut, split.val(), "val");
        assertThat(damaged.evaluation().forget().entropy())
            .isEqualTo(entropies)
            .isNotEqualTo(sound.evaluation().forget().entropy());
        ModelScores after = ModelScores.of(rig.engine, copy, rig.data);
        assertThat(damaged.evaluation().test().loss())
            .isEqualTo(after.evaluation().test().loss())
            .isNotEqualTo(sound.evaluation().test().loss());
        assertThat(Rig.distance(Rig.state(copy), before)).isGreaterThan(1e-2);
      }
    }
  }

  private static ModelScores scores(Rig rig, Backbone model, UnlearnConfig config) {
    return ModelScores.of(rig.engine, model, rig.data, config);
  }

  @Test
  void oneClockOverPreparationAndEpochs() {
    Rig rig = Rig.of(6, 12, 5);
    try (Backbone original = Rig.model(1)) {
      UnlearnLoop.Result result = rig.run(original, Rig.config("salun", 2, 1e-3, 0));
      result.model().close();
      assertThat(result.seconds())
          .isGreaterThan(result.trace().get(0).seconds() + result.trace().get(1).seconds());
    }
  }

  /** A run's trace says nothing of phases where an epoch has one. */
  @Test
  void tracesOfOnePassHaveNoPhases() {
    Rig rig = Rig.of(6, 12, 5);
    try (Backbone original = Rig.model(1)) {
      UnlearnLoop.Result result = rig.run(original, Rig.config("finetune", 1, 1e-3, 0));
      result.model().close();
      EpochTrace epoch = result.trace().get(0);
      assertThat(epoch.phases()).isEmpty();
      assertThat(epoch.loss()).isCloseTo(Math.log(10), within(3.0));
      assertThat(Arrays.asList(epoch.tau(), epoch.accForget())).containsOnlyNulls();
    }
  }
}
