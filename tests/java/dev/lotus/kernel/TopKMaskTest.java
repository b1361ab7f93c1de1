package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.Weights.Values;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TopKMaskTest {
  @AfterEach
  void threadsAsBefore() {
    Kernels.setNumThreads(0);
  }

  private static float[] mask(Backend backend, int[] counts, float[] scores, long k) {
    byte[] before = new byte[scores.length];
    Arrays.fill(before, (byte) 9);
    Values values = new Values(null, null, scores, null, before);
    try (Weights weights = new Weights(backend, counts, DType.FLOAT32, values, false)) {
      Tensor workspace = backend.longs(new long[TopKMask.WORKSPACE]);
      TopKMask.run(weights.list, k, Backend.longsAt(workspace), null);
      return weights.values(weights.mask);
    }
  }

  /** By sorting: largest magnitude first, the sort being stable. */
  private static float[] reference(float[] scores, long k) {
    float[] expected = new float[scores.length];
    IntStream.range(0, scores.length)
        .boxed()
        .sorted(
            Comparator.comparingDouble(
                i -> Float.isNaN(scores[i]) ? 0.0 : -Math.abs((double) scores[i]) + 0.0))
        .limit(k)
        .forEach(i -> expected[i] = 1);
    return expected;
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void exactlyTheLargestForAnyNumberOfThreads(Backend backend) {
    backend.assumeAvailable();
    for (int[] counts : List.of(Weights.ODD, Weights.MANY, new int[] {9000, 1, 12000})) {
      int n = Weights.total(counts);
      float[] distinct = Weights.normals(n, 1, 1);
      float[] few = new float[n]; // many equals: the earlier come first
      float[] odd = distinct.clone();
      for (int i = 0; i < n; i++) {
        few[i] = (int) (2 * distinct[i]);
        odd[i] =
            switch (i % 5) {
              case 0 -> Float.NaN;
              case 1 -> i % 2 == 0 ? Float.NEGATIVE_INFINITY : -0f;
              case 2 -> odd[i] * 1e-43f; // subnormal
              default -> odd[i];
            };
      }
      for (float[] scores : List.of(distinct, few, odd, new float[n])) {
        for (long k : new long[] {0, 1, n / 10, n / 2, n}) {
          try (PointerScope scope = new PointerScope()) {
            Kernels.setNumThreads((int) (k % 4));
            assertThat(mask(backend, counts, scores, k))
                .as("%s: %d of %d", backend, k, n)
                .isEqualTo(reference(scores, k));
          }
        }
      }
    }
  }

  @Test
  void everyArgumentIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      float[] x = {1, 2};
      Values good = new Values(null, null, x, null, new byte[2]);
      LongPointer workspace = new LongPointer(TopKMask.WORKSPACE);
      refused("k is -1; it must be 0 to the number of elements, 2", () -> run(good, -1, workspace));
      refused("k is 3", () -> run(good, 3, workspace));
      refused("workspace is null", () -> run(good, 1, null));
      refused("workspace holds 8 elements", () -> run(good, 1, new LongPointer(8)));
      refused(
          "first of tensor 0",
          () -> run(new Values(null, null, null, null, new byte[2]), 1, workspace));
      refused("mask of tensor 0", () -> run(new Values(null, null, x, null, null), 1, workspace));
    }
  }

  private static void run(Values values, long k, LongPointer workspace) {
    Backend cpu = Backend.all().get(0);
    try (Weights weights = new Weights(cpu, new int[] {2}, DType.FLOAT32, values, false)) {
      TopKMask.run(weights.list, k, workspace, null);
    }
  }

  private static void refused(String text, ThrowingCallable call) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessageContaining(text);
  }
}
