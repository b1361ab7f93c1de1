package dev.lotus.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.openjdk.jmh.annotations.Param;

/**
 * A benchmark whose two sides compute different things is worth nothing: every size it declares is
 * checked here.
 */
class BenchmarksAgreeTest {
  static Stream<String> shapes() throws NoSuchFieldException {
    String[] shapes =
        GumbelCrossEntropyBench.class.getField("shape").getAnnotation(Param.class).value();
    return Arrays.stream(shapes);
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void fusedAndComposedGradientsAgree(String shape) {
    GumbelCrossEntropyBench bench = new GumbelCrossEntropyBench();
    bench.shape = shape;
    bench.threads = 2;
    bench.setUp();
    try {
      float[][] gradients = bench.agree();
      float largest = 0;
      float worst = 0;
      for (int i = 0; i < gradients[1].length; i++) {
        largest = Math.max(largest, Math.abs(gradients[1][i]));
        worst = Math.max(worst, Math.abs(gradients[0][i] - gradients[1][i]));
      }
      assertThat(largest).isPositive();
      assertThat(worst)
          .as("largest difference at %s", shape)
          .isCloseTo(0f, within(2e-5f * largest));
    } finally {
      bench.tearDown();
    }
  }
}
