package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.LeakCheck;
import dev.lotus.load.Augmentation;
import dev.lotus.report.EpochTrace;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The method and the command give the same gold standard. */
@ExtendWith(LeakCheck.class)
class RetrainTest {
  @Test
  void isTrainingOnTheRetainSetBitByBit() {
    Rig rig = Rig.of(12, 20, 10);
    Augmentation crop = new Augmentation(2, true);
    UnlearnConfig config = Rig.config("retrain", 3, 0.05, 5e-4, crop);
    try (Backbone original = Rig.model(1);
        Backbone trained = new TinyNet()) {
      List<EpochTrace> trace =
          new TrainLoop(rig.engine, new TrainLoop.Config(3, Rig.BATCH, 0.05, 5e-4, crop, Rig.SEED))
              .run(trained, rig.data.dataset().train(), rig.data.split().retain(), e -> {});
      UnlearnLoop.Result result = rig.run(original, config);
      try (Backbone retrained = result.model()) {
        assertThat(Rig.state(retrained)).isEqualTo(Rig.state(trained));
      }
      assertThat(result.trace().stream().map(EpochTrace::loss))
          .containsExactlyElementsOf(trace.stream().map(EpochTrace::loss).toList());
    }
  }
}
