package dev.lotus.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class VerdictTest {
  @Test
  void closerThanTheOriginal() {
    assertThat(Verdict.of(Samples.demo().runs()))
        .isEqualTo(
            "LoTUS brought the model closer to one that never saw the forget set: average gap 0.024"
                + " against 0.105 before, with test accuracy 0.788 (original 0.801), in 3.27 s"
                + " where retraining took 19.9 s (6.1 times as long).");
  }

  @Test
  void failureIsCalledOne() {
    RunSummary worse = model(RunSummary.Role.UNLEARNED, "LoTUS", 0.2);
    assertThat(Verdict.of(List.of(Samples.original(), Samples.retrained(), worse)))
        .startsWith("No method brought the model closer")
        .contains("the best, LoTUS, has an average gap of 0.200, the original 0.105");
  }

  @Test
  void withoutARetrainedModelNoGoldStandardIsClaimed() {
    RunSummary original = model(RunSummary.Role.ORIGINAL, "Original", null);
    RunSummary lotus = model(RunSummary.Role.UNLEARNED, "LoTUS", null);
    assertThat(Verdict.of(List.of(original, lotus)))
        .startsWith(
            "After LoTUS an attacker takes 40.0% of the forget set for training data, against 40.0%"
                + " before")
        .endsWith("there is no gold standard to say how low is right.");
  }

  @Test
  void withoutTheOriginalOnlyTheGapIsStated() {
    RunSummary lotus = model(RunSummary.Role.UNLEARNED, "LoTUS", 0.03);
    RunSummary other = model(RunSummary.Role.UNLEARNED, "Finetune", 0.05);
    assertThat(Verdict.of(List.of(lotus)))
        .isEqualTo("LoTUS has an average gap of 0.030 to the retrained model.");
    assertThat(Verdict.of(List.of(other, lotus)))
        .isEqualTo("Of the methods LoTUS comes closest to the retrained model: average gap 0.030.");
  }

  private static RunSummary model(RunSummary.Role role, String name, Double gap) {
    dev.lotus.metric.Metrics metrics =
        new dev.lotus.metric.Metrics(
            0.5,
            0.9,
            0.8,
            0.8,
            0.4,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            null,
            gap,
            gap,
            1.0,
            dev.lotus.metric.AttackMetrics.NONE,
            dev.lotus.metric.AuditMetrics.NONE);
    return new RunSummary(name, role, metrics, null, null, null, null, null);
  }
}
