package dev.lotus.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.backbone.Arch;
import dev.lotus.bench.EpochBench.Variant;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.LeakCheck;
import dev.lotus.device.Precision;
import dev.lotus.report.Json;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnData;
import dev.lotus.unlearn.UnlearnSettings;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The records of {@code bench step} and {@code bench epoch}, on models that take milliseconds. */
@ExtendWith(LeakCheck.class)
class StepBenchTest {
  private static final Arch TINY = new Arch("resnet20", 10, 3, 0.5, 32);

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aStepIsMeasuredBesideTheComposedOne(boolean teacherRuns) {
    int batch = 4;
    StepRecord record =
        new StepBench(ComputeDevice.CPU, false)
            .run(new StepBench.Case(TINY, batch, Precision.FP32, teacherRuns, 3));
    assertThat(record.teacher()).isEqualTo(teacherRuns ? "run" : "cached");
    assertThat(record.p20Ms()).isPositive().isLessThanOrEqualTo(record.medianMs());
    assertThat(record.medianMs()).isLessThanOrEqualTo(record.p80Ms());
    assertThat(record.imagesPerS()).isCloseTo(batch / record.medianMs() * 1e3, within(1e-6));
    // 8, 16 and 32 channels: 10.25 M products an image.
    assertThat(record.gflops())
        .isCloseTo(2 * 0.01025 * batch * (teacherRuns ? 4 : 3), within(0.003));
    assertThat(record.percentOfGemm()).isPositive().isLessThan(150);
    assertThat(record.replayed()).as("no graphs on the CPU").isFalse();
    assertThat(record.allocatedBytes()).isPositive().isLessThan(1_000_000);
    assertThat(record.speedupP20()).isLessThanOrEqualTo(record.speedupP80());
    assertThat(new String(Json.bytes(record), StandardCharsets.UTF_8))
        .contains(
            "\"median_ms\"",
            "\"replayed\"",
            "\"percent_of_gemm\"",
            "\"peer_median_ms\"",
            "\"speedup\"");
  }

  @Test
  void aWholeRunIsMeasuredBothWays() {
    Dataset dataset = Datasets.open("synthetic", null, 0);
    UnlearnData data = SmallSets.of(dataset, 6, 20, 5);
    UnlearnConfig config =
        new UnlearnSettings().method("lotus").epochs(2).batch(8).fixedTau(2.0).build(dataset, TINY);
    Engine engine =
        new Engine(
            ComputeDevice.CPU, Precision.FP32, dataset.normalization(), Engine.Listener.NONE);
    EpochBench bench = new EpochBench(engine, data, config, TINY);
    for (Variant variant : Variant.values()) {
      EpochRecord record = bench.run(variant);
      assertThat(record.variant()).isEqualToIgnoringCase(variant.name());
      assertThat(record.seconds()).isPositive();
      assertThat(record.evaluationSeconds()).isPositive();
      assertThat(record.peakBytes()).isGreaterThan(50_000_000);
      assertThat(record.line()).contains("6 forgotten of 26");
    }
  }
}
