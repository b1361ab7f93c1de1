package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.Weights.Values;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** SquareAccumulate and AbsAccumulate. */
class AccumulateTest {
  private interface Accumulate {
    void run(TensorList tensors, float scale);
  }

  private interface Term {
    double of(double gradient);
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void squares(Backend backend) {
    agree(backend, (list, scale) -> SquareAccumulate.run(list, scale, null), g -> g * g);
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void magnitudes(Backend backend) {
    agree(backend, (list, scale) -> AbsAccumulate.run(list, scale, false, null), Math::abs);
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void signedSums(Backend backend) {
    agree(backend, (list, scale) -> AbsAccumulate.run(list, scale, true, null), g -> g);
  }

  private static void agree(Backend backend, Accumulate accumulate, Term term) {
    backend.assumeAvailable();
    for (DType dtype : DType.values()) {
      for (int[] counts : List.of(Weights.ODD, Weights.MANY, new int[0])) {
        try (PointerScope scope = new PointerScope()) {
          int n = Weights.total(counts);
          float[] gradient = Weights.normals(n, 2, 1);
          for (int i = 2; i < n; i += 19) {
            gradient[i] = i % 2 == 0 ? Float.NaN : Float.NEGATIVE_INFINITY;
          }
          float[] before = Weights.normals(n, 1, 2);
          float[] rounded = Cases.rounded(gradient, dtype);
          double[] expected = new double[n];
          for (int i = 0; i < n; i++) {
            expected[i] = before[i] + 2 * 0.25 * term.of(rounded[i]);
          }
          Values values = new Values(null, gradient, before, null, null);
          try (Weights weights = new Weights(backend, counts, dtype, values, false)) {
            accumulate.run(weights.list, 0.25f);
            accumulate.run(weights.list, 0.25f);
            Tolerance.assertClose(backend + " " + dtype, weights.values(weights.first), expected);
          }
        }
      }
    }
  }

  @Test
  void everyArgumentIsChecked() {
    float[] x = {1, 2};
    Values noGradient = new Values(null, null, x, null, null);
    Values noFirst = new Values(null, x, null, null, null);
    Values good = new Values(null, x, x, null, null);
    refused("gradient of tensor 0", noGradient, list -> SquareAccumulate.run(list, 1, null));
    refused("gradient of tensor 0", noGradient, list -> AbsAccumulate.run(list, 1, true, null));
    refused("first of tensor 0", noFirst, list -> SquareAccumulate.run(list, 1, null));
    refused("first of tensor 0", noFirst, list -> AbsAccumulate.run(list, 1, true, null));
    refused("scale is NaN", good, list -> SquareAccumulate.run(list, Float.NaN, null));
    refused("scale is NaN", good, list -> AbsAccumulate.run(list, Float.NaN, false, null));
  }

  private interface Call {
    void run(TensorList list);
  }

  private static void refused(String text, Values values, Call call) {
    Backend cpu = Backend.all().get(0);
    try (PointerScope scope = new PointerScope();
        Weights weights = new Weights(cpu, new int[] {2}, DType.FLOAT32, values, false)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> call.run(weights.list))
          .withMessageContaining(text);
    }
  }
}
