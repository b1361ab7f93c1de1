package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.kernel.Weights.Values;
import java.util.List;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GradientNormTest {
  @AfterEach
  void threadsAsBefore() {
    Kernels.setNumThreads(0);
  }

  private static double norm(Backend backend, int[] counts, DType dtype, float[] gradient) {
    Values values = new Values(null, gradient, null, null, null);
    try (Weights weights = new Weights(backend, counts, dtype, values, false)) {
      Tensor norm = backend.zeroDoubles(1);
      Tensor workspace = backend.zeroDoubles(GradientNorm.WORKSPACE);
      GradientNorm.run(weights.list, Backend.doublesAt(norm), Backend.doublesAt(workspace), null);
      return Backend.hostDoubles(norm)[0];
    }
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithTheReferenceForAnyNumberOfThreads(Backend backend) {
    backend.assumeAvailable();
    for (DType dtype : DType.values()) {
      for (int[] counts :
          List.of(Weights.ODD, Weights.MANY, new int[] {1}, new int[] {0}, new int[] {50000, 9})) {
        try (PointerScope scope = new PointerScope()) {
          float[] gradient = Weights.normals(Weights.total(counts), 0.3, 1);
          double squares = 0;
          for (float g : Cases.rounded(gradient, dtype)) {
            squares += (double) g * g;
          }
          Kernels.setNumThreads(0);
          double actual = norm(backend, counts, dtype, gradient);
          assertThat(actual).isCloseTo(Math.sqrt(squares), within(1e-12 * Math.sqrt(squares)));
          for (int threads = 1; threads <= 3; threads++) {
            Kernels.setNumThreads(threads);
            assertThat(norm(backend, counts, dtype, gradient)).isEqualTo(actual);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void gradientsThatAreNotFiniteShow(Backend backend) {
    backend.assumeAvailable();
    try (PointerScope scope = new PointerScope()) {
      float[] gradient = Weights.normals(104, 1, 2);
      gradient[57] = Float.NEGATIVE_INFINITY;
      assertThat(norm(backend, new int[] {50, 54}, DType.FLOAT32, gradient))
          .isEqualTo(Double.POSITIVE_INFINITY);
      gradient[3] = Float.NaN;
      assertThat(norm(backend, new int[] {50, 54}, DType.FLOAT32, gradient)).isNaN();
    }
  }

  @Test
  void everyArgumentIsChecked() {
    Backend cpu = Backend.all().get(0);
    try (PointerScope scope = new PointerScope();
        Weights good =
            new Weights(
                cpu,
                new int[] {1},
                DType.FLOAT32,
                new Values(null, new float[1], null, null, null),
                false);
        Weights bare =
            new Weights(
                cpu,
                new int[] {1},
                DType.FLOAT32,
                new Values(null, null, null, null, null),
                false)) {
      DoublePointer one = new DoublePointer(1);
      DoublePointer workspace = new DoublePointer(GradientNorm.WORKSPACE);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> GradientNorm.run(bare.list, one, workspace, null))
          .withMessageContaining("gradient of tensor 0 is null");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> GradientNorm.run(good.list, null, workspace, null))
          .withMessageContaining("norm is null");
      assertThatIllegalArgumentException()
          .isThrownBy(() -> GradientNorm.run(good.list, one, one, null))
          .withMessageContaining("workspace holds 1 elements; 4096 are needed");
    }
  }
}
