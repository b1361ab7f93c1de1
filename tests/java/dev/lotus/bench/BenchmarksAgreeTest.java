package dev.lotus.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.bench.KernelBenchmark.Agreement;
import dev.lotus.bench.KernelBenchmarks.Definition;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.LeakCheck;
import dev.lotus.kernel.DType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A benchmark whose two sides compute different things is worth nothing: every operation's sides
 * are held together here, in every type.
 */
@ExtendWith(LeakCheck.class)
class BenchmarksAgreeTest {
  /** Small shapes, one of them odd. */
  private static List<BenchShape> small(Definition definition) {
    String[] texts =
        switch (definition.shapes().get(0).kind()) {
          case LOGITS -> new String[] {"128x10", "33x101"};
          case IMAGES -> new String[] {"8x3x32x32", "3x3x40x24"};
          case WEIGHTS -> new String[] {"resnet18"};
        };
    return Arrays.stream(texts).map(BenchShape::parse).toList();
  }

  static Stream<Arguments> cases() {
    return KernelBenchmarks.all().stream()
        .flatMap(
            definition ->
                KernelBench.cases(List.of(definition), small(definition), List.of(DType.values()))
                    .stream())
        .map(Arguments::of);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void bothSidesComputeTheSame(KernelBench.Case what) {
    try (KernelBenchmark benchmark =
        what.definition().open(what.shape(), what.dtype(), ComputeDevice.CPU)) {
      benchmark.fused(3);
      benchmark.peers().forEach(peer -> peer.run().accept(3));
      List<Agreement> agreements = benchmark.agreements();
      assertThat(agreements.isEmpty()).isEqualTo(benchmark.peers().isEmpty());
      for (Agreement agreement : agreements) {
        compare(what, agreement);
      }
    }
  }

  private static void compare(KernelBench.Case what, Agreement agreement) {
    double[] expected = agreement.expected();
    assertThat(agreement.fused()).as("%s of %s", agreement.what(), what).hasSameSizeAs(expected);
    double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
    double worst = 0;
    for (int i = 0; i < expected.length; i++) {
      double difference = Math.abs(agreement.fused()[i] - expected[i]);
      worst = Double.isNaN(difference) ? Double.NaN : Math.max(worst, difference);
    }
    assertThat(worst)
        .as("largest difference of %s of %s, largest value %s", agreement.what(), what, largest)
        .isLessThanOrEqualTo(agreement.tolerance() * largest);
  }

  @Test
  void bytesAreCountedForEveryDefaultShape() {
    for (Definition definition : KernelBenchmarks.all()) {
      BenchShape shape = definition.shapes().get(0);
      try (KernelBenchmark benchmark = definition.open(shape, DType.FLOAT32, ComputeDevice.CPU)) {
        assertThat(benchmark.bytes())
            .as(definition.op())
            .isGreaterThanOrEqualTo(shape.rows() * shape.cols());
      }
    }
  }
}
