package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;

/**
 * The engine's tolerances: fp32 |x - ref| <= 1e-6 + 1e-5 max|ref|; bf16 and fp16 within one ulp of
 * the rounded reference.
 */
final class Tolerance {
  private Tolerance() {}

  static void assertClose(String what, float[] actual, double[] reference) {
    double largest = 0;
    for (double r : reference) {
      largest = Double.isFinite(r) ? Math.max(largest, Math.abs(r)) : largest;
    }
    double allowed = 1e-6 + 1e-5 * largest;
    for (int i = 0; i < reference.length; i++) {
      boolean same =
          Double.isFinite(reference[i])
              ? Math.abs(actual[i] - reference[i]) <= allowed
              : Double.compare(actual[i], (float) reference[i]) == 0;
      assertThat(same)
          .as(
              "%s[%d] is %s, the reference %s, allowed %g",
              what, i, actual[i], reference[i], allowed)
          .isTrue();
    }
  }

  static void assertClose(String what, double[] actual, double[] reference) {
    float[] floats = new float[actual.length];
    for (int i = 0; i < actual.length; i++) {
      floats[i] = (float) actual[i];
    }
    assertClose(what, floats, reference);
  }

  /** {@link #assertClose} for fp32, {@link #assertOneUlp} for the 16-bit types. */
  static void assertWithin(String what, float[] actual, double[] reference, DType dtype) {
    if (dtype == DType.FLOAT32) {
      assertClose(what, actual, reference);
    } else {
      assertOneUlp(what, actual, reference, dtype);
    }
  }

  /** One step of the type apart, or closer than fp32 arithmetic tells where terms cancel. */
  static void assertOneUlp(String what, float[] actual, double[] reference, DType dtype) {
    for (int i = 0; i < reference.length; i++) {
      int a = ordered(Cases.toBits(actual[i], dtype));
      int r = ordered(Cases.toBits((float) reference[i], dtype));
      boolean same = Math.abs(a - r) <= 1 || Math.abs(actual[i] - reference[i]) <= 1e-6;
      assertThat(same)
          .as("%s[%d] is %s, the reference %s", what, i, actual[i], reference[i])
          .isTrue();
    }
  }

  /** Monotone in the value: neighbours differ by one. */
  private static int ordered(short bits) {
    return bits < 0 ? -(bits & 0x7fff) : bits;
  }
}
