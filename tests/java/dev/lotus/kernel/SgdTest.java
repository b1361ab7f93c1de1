package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.Weights.Values;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SgdTest {
  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithTheReference(Backend backend) {
    backend.assumeAvailable();
    int turn = 0;
    for (DType dtype : DType.values()) {
      for (MaskMode mode : new MaskMode[] {null, MaskMode.GRADIENT, MaskMode.UPDATE}) {
        for (double momentum : new double[] {0, 0.9}) {
          for (int[] counts : List.of(Weights.ODD, Weights.MANY)) {
            try (PointerScope scope = new PointerScope()) {
              double norm = new double[] {0, 12.5, 0.25}[turn % 3];
              check(backend, counts, dtype, mode, momentum, norm, turn % 2 == 0);
            }
            turn++;
          }
        }
      }
    }
  }

  private static void check(
      Backend backend,
      int[] counts,
      DType dtype,
      MaskMode mode,
      double momentum,
      double norm,
      boolean shadowed) {
    int n = Weights.total(counts);
    float[] w = Weights.normals(n, 1, 1);
    float[] g = Weights.normals(n, 0.5, 2);
    for (int i = 7; i < n; i += 43) {
      g[i] = Float.NaN;
    }
    float[] b = momentum == 0 ? null : Weights.normals(n, 0.5, 3);
    byte[] mask = mode == null ? null : Cases.flags(n, 5);
    float[] gradients = Cases.rounded(g, dtype);
    double clip = norm == 0 ? 1 : Math.min(1, 2.0 / (norm + 1e-6));
    double[] weight = new double[n];
    double[] first = new double[n];
    for (int i = 0; i < n; i++) {
      boolean kept = mask == null || mask[i] != 0;
      double step = (kept ? clip * gradients[i] : 0) + 5e-4 * w[i];
      first[i] = momentum == 0 ? step : momentum * b[i] + step;
      weight[i] = w[i] - 0.05 * first[i];
      if (!kept && mode == MaskMode.UPDATE) {
        weight[i] = w[i];
        first[i] = b == null ? 0 : b[i];
      }
    }
    try (Weights weights =
        new Weights(backend, counts, dtype, new Values(w, g, b, null, mask), shadowed)) {
      Tensor normTensor = backend.zeroDoubles(1).add_(new Scalar(norm));
      Clipping clipping =
          norm == 0 ? Clipping.NONE : new Clipping(Backend.doublesAt(normTensor), 2.0);
      Sgd.Settings settings = new Sgd.Settings(0.05, momentum, 5e-4);
      Tensor pace = backend.floats(Sgd.pace(settings));
      Sgd.run(
          weights.list,
          shadowed ? new Sgd.Settings(7, momentum, 5e-4) : settings,
          mode == null ? MaskMode.GRADIENT : mode,
          clipping,
          shadowed ? pace.data_ptr() : null,
          null);
      String what = backend + " " + dtype + " " + mode + " momentum " + momentum;
      float[] actual = weights.values(weights.weight);
      Tolerance.assertClose("weight " + what, actual, weight);
      if (momentum > 0) {
        Tolerance.assertClose("first " + what, weights.values(weights.first), first);
      }
      if (shadowed) {
        assertThat(weights.values(weights.shadow))
            .as("shadow " + what)
            .isEqualTo(Cases.rounded(actual, DType.BFLOAT16));
      }
    }
  }

  /** Twenty steps beside libtorch's own optimizer, with changing gradients and clipping. */
  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void followsLibtorch(Backend backend) {
    backend.assumeAvailable();
    for (double momentum : new double[] {0, 0.9}) {
      for (double maxNorm : new double[] {Double.POSITIVE_INFINITY, 5}) {
        try (PointerScope scope = new PointerScope()) {
          float[] start = Weights.normals(1001, 1, 6);
          Tensor peer = backend.floats(start).set_requires_grad(true);
          SGDOptions options = new SGDOptions(0.02);
          options.momentum().put(momentum);
          options.weight_decay().put(5e-4);
          SGD optimizer = new SGD(new TensorVector(peer), options);
          Values values = new Values(start, new float[1001], new float[1001], null, null);
          try (Weights ours =
              new Weights(backend, new int[] {700, 301}, DType.FLOAT32, values, false)) {
            Sgd.Settings settings = new Sgd.Settings(0.02, momentum, 5e-4);
            Peers.twentySteps(
                backend,
                ours,
                peer,
                maxNorm,
                optimizer::step,
                (step, clipping) ->
                    Sgd.run(ours.list, settings, MaskMode.GRADIENT, clipping, null));
          }
        }
      }
    }
  }

  @Test
  void everyArgumentIsChecked() {
    refused("lr is NaN", () -> new Sgd.Settings(Double.NaN, 0, 0));
    refused("momentum is 1", () -> new Sgd.Settings(1, 1, 0));
    refused("weight_decay is -1", () -> new Sgd.Settings(1, 0, -1));
    try (PointerScope scope = new PointerScope()) {
      float[] x = {1, 2};
      refused("weight of tensor 0", () -> step(new Values(null, x, x, null, null)));
      refused("gradient of tensor 0", () -> step(new Values(x, null, x, null, null)));
      refused("first of tensor 0", () -> step(new Values(x, x, null, null, null)));
    }
  }

  private static void step(Values values) {
    Backend cpu = Backend.all().get(0);
    try (Weights weights = new Weights(cpu, new int[] {2}, DType.FLOAT32, values, false)) {
      Sgd.run(weights.list, new Sgd.Settings(1, 0.9, 0), MaskMode.UPDATE, Clipping.NONE, null);
    }
  }

  private static void refused(String text, ThrowingCallable call) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessageContaining(text);
  }
}
