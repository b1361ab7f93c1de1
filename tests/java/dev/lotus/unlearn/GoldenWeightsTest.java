package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.device.ComputeDevice;
import dev.lotus.metric.GoldenFile;
import dev.lotus.metric.GoldenFile.Array;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The published methods' own results on the weights, and that a wrong reference is noticed. */
class GoldenWeightsTest {
  private static final Path GOLDEN =
      Path.of(System.getProperty("lotus.basedir", "."), "tests", "golden");

  private static GoldenFile read(String name) {
    return GoldenFile.read(GOLDEN.resolve(name + ".json"));
  }

  private static GoldenCheck.Outcome check(GoldenFile file) {
    GoldenCheck check = new GoldenCheck(ComputeDevice.CPU);
    try (PointerScope scope = new PointerScope()) {
      GoldenWeights.run(file, ComputeDevice.CPU, check);
    }
    return check.outcome();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "f_salun_mask",
        "f_salun_mask_planted",
        "f_ssd_importance",
        "f_ssd_modify",
        "f_unsir"
      })
  void theEngineReproducesThePublishedCode(String name) {
    GoldenCheck.Outcome outcome = check(read(name));
    assertThat(outcome.failure()).isEmpty();
    assertThat(outcome.maxError()).isLessThan(1e-5);
  }

  @ParameterizedTest
  @CsvSource({
    "f_salun_mask, abs_grad_sum.0.bias",
    "f_salun_mask, mask.2.weight",
    "f_salun_mask_planted, mask.a",
    "f_ssd_importance, importance.2.bias",
    "f_ssd_modify, after.0.weight",
    "f_ssd_modify, after3x.2.bias",
    "f_unsir, loss",
    "f_unsir, d_outputs",
    "f_unsir, noise_after_adam",
    "f_unsir, noise_clamped"
  })
  void aWrongReferenceFails(String name, String array) {
    GoldenFile file = read(name);
    Map<String, Array> arrays = new LinkedHashMap<>(file.arrays());
    Array right = file.array(array);
    double[] data = right.data().clone();
    data[0] = right.dtype().equals("int64") ? 1 - data[0] : data[0] * 1.001 + 1e-3;
    arrays.put(array, new Array(array, right.shape(), right.dtype(), data));
    GoldenCheck.Outcome outcome = check(new GoldenFile(file.name(), file.meta(), arrays));
    assertThat(outcome.passed()).isFalse();
    assertThat(outcome.failure()).startsWith(array).contains("the reference");
  }

  @Test
  void anotherFileIsRefused() {
    GoldenFile file = read("f_ssd_modify");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> check(new GoldenFile("f_other", file.meta(), file.arrays())))
        .withMessageContaining("f_other");
  }
}
