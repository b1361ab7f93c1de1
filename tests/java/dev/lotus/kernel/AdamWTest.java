package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.Weights.Values;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class AdamWTest {
  private static final AdamW.Settings SETTINGS = new AdamW.Settings(1e-2, 0.9, 0.999, 1e-8, 0.05);

  /** No mask, and each way to take one. */
  private enum Masked {
    NO,
    GRADIENT,
    UPDATE
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithTheReference(Backend backend) {
    backend.assumeAvailable();
    int turn = 0;
    for (DType dtype : DType.values()) {
      for (Masked masked : Masked.values()) {
        for (int[] counts : List.of(Weights.ODD, Weights.MANY, new int[] {1}, new int[0])) {
          try (PointerScope scope = new PointerScope()) {
            long step = new long[] {1, 2, 50, 1000000}[turn % 4];
            double norm = new double[] {0, 12.5, 0.25}[turn % 3];
            check(backend, counts, dtype, masked, step, norm, turn % 2 == 0);
          }
          turn++;
        }
      }
    }
  }

  private static void check(
      Backend backend,
      int[] counts,
      DType dtype,
      Masked masked,
      long step,
      double norm,
      boolean shadowed) {
    int n = Weights.total(counts);
    float[] w = Weights.normals(n, 1, 1);
    float[] g = Weights.normals(n, 0.1, 2);
    for (int i = 5; i < n; i += 31) {
      g[i] = i % 2 == 0 ? Float.NaN : Float.NEGATIVE_INFINITY;
    }
    float[] m = Weights.normals(n, 0.1, 3);
    float[] v = Weights.magnitudes(n, 0.01, 4);
    byte[] mask = masked == Masked.NO ? null : Cases.flags(n, 5);
    float[] gradients = Cases.rounded(g, dtype);
    double clip = norm == 0 ? 1 : Math.min(1, 2.0 / (norm + 1e-6));
    double[] weight = new double[n];
    double[] first = new double[n];
    double[] second = new double[n];
    for (int i = 0; i < n; i++) {
      boolean kept = mask == null || mask[i] != 0;
      if (!kept && masked == Masked.UPDATE) {
        weight[i] = w[i];
        first[i] = m[i];
        second[i] = v[i];
        continue;
      }
      double gradient = kept ? clip * gradients[i] : 0;
      first[i] = 0.9 * m[i] + 0.1 * gradient;
      second[i] = 0.999 * v[i] + 0.001 * gradient * gradient;
      double mHat = first[i] / (1 - Math.pow(0.9, step));
      double vHat = second[i] / (1 - Math.pow(0.999, step));
      weight[i] = w[i] * (1 - 1e-2 * 0.05) - 1e-2 * mHat / (Math.sqrt(vHat) + 1e-8);
    }
    try (Weights weights =
        new Weights(backend, counts, dtype, new Values(w, g, m, v, mask), shadowed)) {
      Tensor normTensor = backend.zeroDoubles(1).add_(new Scalar(norm));
      Clipping clipping =
          norm == 0 ? Clipping.NONE : new Clipping(Backend.doublesAt(normTensor), 2.0);
      MaskMode mode = masked == Masked.UPDATE ? MaskMode.UPDATE : MaskMode.GRADIENT;
      if (shadowed) {
        Tensor pace = backend.floats(AdamW.pace(SETTINGS, step));
        AdamW.Settings others = new AdamW.Settings(7, 0.9, 0.999, 1e-8, 3);
        AdamW.run(weights.list, others, 9, mode, clipping, pace.data_ptr(), null);
      } else {
        AdamW.run(weights.list, SETTINGS, step, mode, clipping, null);
      }
      String what = backend + " " + dtype + " " + masked + " step " + step + " norm " + norm;
      float[] actual = weights.values(weights.weight);
      Tolerance.assertClose("weight " + what, actual, weight);
      Tolerance.assertClose("first " + what, weights.values(weights.first), first);
      Tolerance.assertClose("second " + what, weights.values(weights.second), second);
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
    for (double weightDecay : new double[] {0, 0.01}) {
      for (double maxNorm : new double[] {Double.POSITIVE_INFINITY, 5}) {
        try (PointerScope scope = new PointerScope()) {
          float[] start = Weights.normals(1001, 1, 6);
          Tensor peer = backend.floats(start).set_requires_grad(true);
          AdamWOptions options = new AdamWOptions(3e-3);
          options.weight_decay().put(weightDecay);
          org.bytedeco.pytorch.AdamW optimizer =
              new org.bytedeco.pytorch.AdamW(new TensorVector(peer), options);
          Values values =
              new Values(start, new float[1001], new float[1001], new float[1001], null);
          try (Weights ours =
              new Weights(backend, new int[] {700, 301}, DType.FLOAT32, values, false)) {
            Peers.twentySteps(
                backend,
                ours,
                peer,
                maxNorm,
                optimizer::step,
                (step, clipping) ->
                    AdamW.run(
                        ours.list,
                        AdamW.Settings.of(3e-3, weightDecay),
                        step,
                        MaskMode.GRADIENT,
                        clipping,
                        null));
          }
        }
      }
    }
  }

  @Test
  void everyArgumentIsChecked() {
    refused("lr is -1", () -> new AdamW.Settings(-1, 0.9, 0.999, 1e-8, 0));
    refused("beta1 is 1", () -> new AdamW.Settings(1, 1, 0.999, 1e-8, 0));
    refused("beta2 is NaN", () -> new AdamW.Settings(1, 0.9, Double.NaN, 1e-8, 0));
    refused("epsilon is Infinity", () -> new AdamW.Settings(1, 0, 0, Double.POSITIVE_INFINITY, 0));
    refused("weight_decay is -0.1", () -> new AdamW.Settings(1, 0.9, 0.999, 1e-8, -0.1));
    refused("max_norm is -1", () -> new Clipping(null, -1));
    refused("norm is null, but max_norm is 1", () -> new Clipping(null, 1));
    try (PointerScope scope = new PointerScope()) {
      float[] x = {1, 2};
      refused("weight of tensor 0 is null", () -> step(new Values(null, x, x, x, null), 1));
      refused("gradient of tensor 0 is null", () -> step(new Values(x, null, x, x, null), 1));
      refused("first of tensor 0 is null", () -> step(new Values(x, x, null, x, null), 1));
      refused("second of tensor 0 is null", () -> step(new Values(x, x, x, null, null), 1));
      refused("step is 0", () -> step(new Values(x, x, x, x, null), 0));
      refused("step is 0", () -> AdamW.pace(SETTINGS, 0));
    }
  }

  private static void step(Values values, long step) {
    Backend cpu = Backend.all().get(0);
    try (Weights weights = new Weights(cpu, new int[] {2}, DType.FLOAT32, values, false)) {
      AdamW.run(weights.list, SETTINGS, step, MaskMode.UPDATE, Clipping.NONE, null);
    }
  }

  private static void refused(String text, ThrowingCallable call) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessageContaining(text);
  }
}
