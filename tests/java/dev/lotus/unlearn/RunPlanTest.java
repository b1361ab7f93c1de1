package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.LeakCheck;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a plan says beside what the run then does. */
@ExtendWith(LeakCheck.class)
class RunPlanTest {
  private static final int EPOCHS = 4;

  /** Counts what a run looks at. */
  private static final class Counting implements Engine.Listener {
    private long trained;
    private long evaluated;
    private double flops;
    private boolean training;

    @Override
    public void forward(Backbone model, Tensor images) {
      flops += (GradMode.is_enabled() ? 3 : 1) * images.size(0) * model.flops(32, 32);
    }

    @Override
    public void begin(String what, long images) {
      training = what.startsWith("epoch");
    }

    @Override
    public void advance(long images) {
      trained += training ? images : 0;
      evaluated += training ? 0 : images;
    }

    @Override
    public void end() {}
  }

  @ParameterizedTest
  @CsvSource({"lotus", "finetune", "neggrad+", "random-label", "bad-teacher", "scrub", "ssd"})
  void imagesAndOperationsAreThoseOfTheRun(String method) {
    Rig rig = Rig.of(100, 900, 60);
    UnlearnConfig config = Rig.config(method, EPOCHS, 1e-4, 0);
    Counting counting = new Counting();
    try (Backbone original = Rig.model(1)) {
      RunPlan plan = RunPlan.of(rig.engine, original, rig.data, config);
      UnlearnLoop.toTheEnd(rig.engine.telling(counting), config)
          .run(original, rig.data, epoch -> {})
          .model()
          .close();
      assertThat(plan.epochs()).isEqualTo(method.equals("ssd") ? 1 : EPOCHS);
      assertThat((double) plan.trainingImages()).isCloseTo(counting.trained, withinPercentage(5));
      assertThat((double) plan.evaluatedImages())
          .isCloseTo(counting.evaluated, within(0.05 * counting.evaluated + 1));
      assertThat(plan.flops()).isCloseTo(counting.flops, withinPercentage(5));
      assertThat(plan.imageBytes())
          .isCloseTo((counting.trained + counting.evaluated) * 3072.0, withinPercentage(5));
      assertThat(plan.unlearningSeconds()).isPositive();
      assertThat(plan.evaluationSeconds()).isPositive();
      assertThat(plan.peakBytes()).isGreaterThan(100_000_000);
    }
  }
}
