package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import dev.lotus.load.Augmentation;
import dev.lotus.load.EpochOrder;
import dev.lotus.metric.Evaluation;
import dev.lotus.metric.Metrics;
import dev.lotus.metric.Mia;
import dev.lotus.report.EpochTrace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
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

  /** A network that knows the samples to forget better than unseen ones. */
  private static Backbone trained(Rig rig) {
    Backbone model = Rig.model(1);
    int[] all = EpochOrder.of(rig.data.split().forget(), rig.data.split().retain()).indices();
    new TrainLoop(rig.engine, new TrainLoop.Config(8, 8, 0.03, 0, Augmentation.NONE, 1))
        .tune(model, rig.data.dataset().train(), all, e -> {});
    return model;
  }

  private static UnlearnMethod.Begin begin(Rig rig, Backbone original, UnlearnConfig config) {
    UnlearnMethod.Task task =
        new UnlearnMethod.Task(rig.engine, rig.data, original, original, config);
    try (UnlearnMethod lotus = UnlearnMethods.entry("lotus").factory().create(config)) {
      lotus.prepare(task);
      return lotus.begin(task, 0);
    }
  }

  /** Thirds have more than two decimals: the rounding shows in tau. */
  @Test
  void accuraciesAreRoundedBeforeTauOnlyWhenAsked() {
    Rig rig = Rig.of(7, 12, 3);
    try (Backbone original = trained(rig)) {
      UnlearnMethod.Begin plain = begin(rig, original, Rig.config("lotus", 1, 1e-3, 0));
      UnlearnMethod.Begin rounded =
          begin(rig, original, Rig.config("lotus", 1, 1e-3, 0, UpstreamQuirk.ACCURACY_ROUNDING));
      assertThat(plain.stop()).isFalse();
      assertThat(rounded.stop()).isFalse();
      double forget = plain.accForget();
      double unseen = plain.accUnseen();
      assertThat(plain.tau())
          .isEqualTo(new Temperature(2, Temperature.UNROUNDED).tau(forget, unseen));
      assertThat(rounded.tau())
          .isEqualTo(new Temperature(2, 2).tau(forget, unseen))
          .isNotEqualTo(plain.tau());
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

  /** A divergence compares answers to the same pixels: that of a model to itself is 0. */
  @Test
  void theReferenceSeesTheSamePixels() {
    Rig rig = Rig.of(12, 20, 20);
    UnlearnConfig config =
        Rig.config(
            "finetune", 1, 0, 0, new Augmentation(8, true), UpstreamQuirk.AUGMENTED_EVALUATION);
    try (Backbone model = Rig.model(1)) {
      ModelScores plain = ModelScores.of(rig.engine, model, rig.data);
      ModelScores unlearned = scores(rig, model, config);
      ModelScores gold = ModelScores.ofReference(rig.engine, model, rig.data, config);
      Metrics metrics = unlearned.metrics(plain.evaluation().test(), gold, null);
      assertThat(metrics.jsd()).isZero();
      assertThat(metrics.jsdBt()).isZero();
      assertThat(metrics.avgGap()).isZero();
      assertThat(unlearned.metrics(plain.evaluation().test(), plain, null).jsd()).isPositive();
    }
  }

  /** The accuracy that sets LoTUS's temperature is measured the same way. */
  @Test
  void theTemperaturesAccuracyIsAugmentedToo() {
    Rig rig = Rig.of(40, 20, 4);
    Augmentation crop = new Augmentation(12, true);
    try (Backbone original = trained(rig)) {
      UnlearnConfig plain = Rig.config("lotus", 1, 1e-3, 0, crop);
      UnlearnConfig quirk =
          Rig.config("lotus", 1, 1e-3, 0, crop, UpstreamQuirk.AUGMENTED_EVALUATION);
      for (UnlearnConfig config : List.of(plain, quirk)) {
        double accuracy =
            Evaluator.ofTraining(rig.engine, config, 0)
                .statistics(
                    original, rig.data.dataset().train(), rig.data.split().forget(), "forget")
                .accuracy();
        assertThat(begin(rig, original, config).accForget()).isEqualTo(accuracy);
      }
      // What it knows, it knows in place: shifted by up to 12 pixels less of it.
      assertThat(begin(rig, original, quirk).accForget())
          .isLessThan(begin(rig, original, plain).accForget());
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
        float[] retain = evaluator.entropiesInTrainingMode(copy, train, split.retain(), "retain");
        float[] forget = evaluator.entropiesInTrainingMode(copy, train, split.forget(), "forget");
        float[] test = evaluator.entropiesInTrainingMode(copy, heldOut, split.test(), "test");
        float[] val = evaluator.entropiesInTrainingMode(copy, heldOut, split.val(), "val");
        assertThat(forget).isNotEqualTo(sound.evaluation().forget().entropy());
        assertThat(damaged.evaluation().mia())
            .isEqualTo(Mia.fit(retain, test, val, forget).score());
        ModelScores after = ModelScores.of(rig.engine, copy, rig.data);
        // Only MIA has the entropies of training mode.
        assertThat(damaged.evaluation().forget().entropy())
            .isEqualTo(after.evaluation().forget().entropy());
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
