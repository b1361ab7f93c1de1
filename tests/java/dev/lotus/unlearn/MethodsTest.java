package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import dev.lotus.kernel.Kernels;
import dev.lotus.load.Augmentation;
import dev.lotus.load.EpochOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds of every method, and that each does what it is for. */
@ExtendWith(LeakCheck.class)
class MethodsTest {
  private static Rig rig;
  private static Backbone trained;

  /** A network that knows its training samples. */
  @BeforeAll
  static void train() {
    rig = Rig.of(24, 96, 40);
    trained = Rig.model(1);
    int[] all = EpochOrder.of(rig.data.split().forget(), rig.data.split().retain()).indices();
    new TrainLoop(rig.engine, new TrainLoop.Config(8, 16, 0.03, 0, Augmentation.NONE, 1))
        .tune(trained, rig.data.dataset().train(), all, e -> {});
    assertThat(accuracy(trained, rig.data.split().forget())).isGreaterThan(0.85);
  }

  @AfterAll
  static void close() {
    trained.close();
  }

  private static double accuracy(Backbone model, int[] indices) {
    return new Evaluator(rig.engine)
        .statistics(model, rig.data.dataset().train(), indices, "training")
        .accuracy();
  }

  private static double loss(Backbone model, int[] indices) {
    return new Evaluator(rig.engine)
        .statistics(model, rig.data.dataset().train(), indices, "training")
        .meanLoss();
  }

  static Stream<String> names() {
    return UnlearnMethods.names().stream();
  }

  /** On samples and on a class, augmented, and whatever the number of the kernels' threads. */
  @ParameterizedTest
  @MethodSource("names")
  void aRunRepeatsBitByBitAndLeavesTheOriginal(String method) {
    for (Rig small : List.of(Rig.of(10, 20, 6), Rig.ofClass(10, 20, 6))) {
      try (Backbone original = Rig.model(2)) {
        float[] before = Rig.state(original);
        UnlearnConfig config =
            Rig.fixedTau(Rig.config(method, 1, 1e-2, 5e-4, new Augmentation(2, true)));
        float[] first = small.stateAfter(original, config);
        float[] second;
        try {
          Kernels.setNumThreads(1);
          second = small.stateAfter(original, config);
        } finally {
          Kernels.setNumThreads(0);
        }
        assertThat(Rig.state(original)).isEqualTo(before);
        assertThat(first).isNotEqualTo(before).isEqualTo(second);
      }
    }
  }

  /** All of a method's switches together run, on samples and on a class. */
  @ParameterizedTest
  @MethodSource("names")
  void allQuirksRunTogether(String method) {
    UpstreamQuirk[] quirks = UpstreamQuirk.parse("all", method).toArray(new UpstreamQuirk[0]);
    for (Rig small : List.of(Rig.of(10, 20, 6), Rig.ofClass(10, 20, 6))) {
      try (Backbone original = Rig.model(2)) {
        UnlearnConfig config = Rig.fixedTau(Rig.config(method, 2, 1e-2, 5e-4, quirks));
        UnlearnLoop.Result result = small.run(original, config);
        try (Backbone model = result.model()) {
          assertThat(result.trace()).hasSize(2);
          assertThat(
                  ModelScores.of(small.engine, model, small.data, config)
                      .evaluation()
                      .forget()
                      .rows())
              .isEqualTo(10);
        }
      }
    }
  }

  /**
   * Enough epochs at a rate for so small a set: the loss on the samples to forget rises, and stands
   * above that on the samples to keep.
   */
  @ParameterizedTest
  @CsvSource({
    "lotus, 6, 3e-3",
    "neggrad+, 25, 0.02",
    "random-label, 4, 0.02",
    "bad-teacher, 8, 2e-3",
    "scrub, 6, 1e-2",
    "ssd, 1, 0",
    "unsir, 6, 0.05",
    "salun, 4, 0.03",
    "salun-lotus, 6, 1e-2",
    "retrain, 25, 0.1"
  })
  void forgetsWhatItShouldAndKeepsTheRest(String method, int epochs, double lr) {
    // SSD dampens what matters ten times more to D_f than to all: D_f must be less than a tenth.
    Rig own = method.equals("ssd") ? rig.forgetting(3) : rig;
    double before = loss(trained, own.data.split().forget());
    UnlearnConfig config = Rig.config(method, epochs, lr, 0);
    if (method.contains("lotus")) {
      config = Rig.fixedTau(config);
    }
    try (Backbone model = own.run(trained, config).model()) {
      double forget = loss(model, own.data.split().forget());
      double retain = loss(model, own.data.split().retain());
      assertThat(forget).isGreaterThan(5 * before).isGreaterThan(2 * retain);
      assertThat(accuracy(model, own.data.split().retain())).as("kept").isGreaterThan(0.6);
    }
  }

  /** Epochs after the first few leave no native object behind. */
  @ParameterizedTest
  @MethodSource("names")
  void memoryIsFlatOverEpochs(String method) {
    Rig small = Rig.of(10, 20, 6);
    UpstreamQuirk[] quirks =
        method.equals("ssd")
            ? new UpstreamQuirk[] {UpstreamQuirk.SSD_EVERY_EPOCH, UpstreamQuirk.SSD_BATCH_GRADIENT}
            : new UpstreamQuirk[0];
    UnlearnConfig config = Rig.fixedTau(Rig.config(method, 6, 1e-3, 5e-4, quirks));
    try (Backbone original = Rig.model(2)) {
      long[] objects = new long[6];
      UnlearnLoop.Result result =
          new UnlearnLoop(small.engine, config)
              .run(original, small.data, e -> objects[e.epoch() - 1] = Pointer.totalCount());
      result.model().close();
      assertThat(Arrays.copyOfRange(objects, 2, 6)).containsOnly(objects[1]);
    }
  }

  @Test
  void defaultsAreThePublishedOnes() {
    assertThat(UnlearnMethods.names())
        .containsExactly(
            "lotus",
            "finetune",
            "neggrad+",
            "random-label",
            "bad-teacher",
            "scrub",
            "ssd",
            "unsir",
            "salun",
            "salun-lotus",
            "retrain");
    assertThat(UnlearnMethods.entry("scrub").weightDecayOn("cifar10")).isEqualTo(0.1);
    assertThat(UnlearnMethods.entry("scrub").weightDecayOn("cifar100")).isEqualTo(5e-4);
    assertThat(UnlearnMethods.entry("unsir").weightDecayOn("cifar100")).isZero();
    assertThat(UnlearnMethods.entry("bad-teacher").learningRate()).isEqualTo(1e-4);
  }

  @Test
  void hyperParametersOfOtherMethodsAreRefused() {
    UnlearnMethods.requireOption("lotus", "--alpha");
    UnlearnMethods.requireOption("bad-teacher", "--retain-fraction");
    for (String option : Set.of("--alpha", "--tau", "--retain-target")) {
      assertThatThrownBy(() -> UnlearnMethods.requireOption("scrub", option))
          .isInstanceOf(InputException.class)
          .hasMessage(
              option + ": --method scrub has no use for it; it belongs to lotus, salun-lotus");
    }
    assertThatThrownBy(() -> UnlearnMethods.requireOption("ssd", "--lr"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--method ssd has no use for it");
  }
}
