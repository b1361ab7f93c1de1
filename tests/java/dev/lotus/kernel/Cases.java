package dev.lotus.kernel;

import java.util.SplittableRandom;

/**
 * Inputs with the values that break kernels: spread logits, and in turn masked, huge, equal and
 * one-hot rows.
 */
final class Cases {
  private Cases() {}

  /** [rows, cols] flat. Row b is of kind b % 6; a row never has all classes masked. */
  static float[] logits(int rows, int cols, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] x = new float[rows * cols];
    for (int b = 0; b < rows; b++) {
      int kept = random.nextInt(cols);
      for (int c = 0; c < cols; c++) {
        float value = (float) (3 * gaussian(random));
        x[b * cols + c] =
            switch (b % 6) {
              case 1 -> c != kept && random.nextInt(4) == 0 ? Float.NEGATIVE_INFINITY : value;
              case 2 -> random.nextBoolean() ? 80f : -80f;
              case 3 -> 1.5f;
              case 4 -> c == kept ? 30f : 0f;
              default -> value;
            };
      }
    }
    return x;
  }

  /**
   * Masks in {@code x} what {@code like} masks, so that no target lies on a class the student
   * lacks.
   */
  static void maskLike(float[] x, float[] like) {
    for (int i = 0; i < x.length; i++) {
      if (like[i] == Float.NEGATIVE_INFINITY) {
        x[i] = Float.NEGATIVE_INFINITY;
      } else if (x[i] == Float.NEGATIVE_INFINITY) {
        x[i] = 0.25f;
      }
    }
  }

  static long[] labels(int rows, int cols, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    return random.longs(rows, 0, cols).toArray();
  }

  static byte[] flags(int rows, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    byte[] flags = new byte[rows];
    for (int b = 0; b < rows; b++) {
      flags[b] = (byte) random.nextInt(2);
    }
    return flags;
  }

  private static double gaussian(SplittableRandom random) {
    return Math.sqrt(-2 * Math.log(1 - random.nextDouble()))
        * Math.cos(2 * Math.PI * random.nextDouble());
  }

  // ---- The 16-bit types in Java, rounded to nearest even ----

  static short toBits(float x, DType dtype) {
    int bits = Float.floatToRawIntBits(x);
    if (dtype == DType.BFLOAT16) {
      return Float.isNaN(x) ? (short) 0x7fc0 : (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
    }
    int sign = bits >>> 16 & 0x8000;
    if (Float.isNaN(x)) {
      return (short) (sign | 0x7e00);
    }
    // The significand's last place: 10 bits below the leading one, but not below 2^-24.
    double magnitude = Math.abs((double) x);
    int exponent = Math.max(Math.getExponent(magnitude), -14);
    long units = (long) Math.rint(Math.scalb(magnitude, 10 - exponent));
    // Units run on past a power of two by themselves: the exponent's field is just above them.
    long field = units == 0 ? 0 : ((long) (exponent + 14) << 10) + units;
    return (short) (sign | (magnitude >= 65520 ? 0x7c00 : (int) field));
  }

  static float fromBits(short x, DType dtype) {
    if (dtype == DType.BFLOAT16) {
      return Float.intBitsToFloat(x << 16);
    }
    int exponent = x >>> 10 & 0x1f;
    int significand = x & 0x3ff;
    double magnitude =
        exponent == 31
            ? (significand == 0 ? Double.POSITIVE_INFINITY : Double.NaN)
            : exponent == 0
                ? Math.scalb((double) significand, -24)
                : Math.scalb(1024.0 + significand, exponent - 25);
    return (float) (x < 0 ? -magnitude : magnitude);
  }

  /** The floats that {@code x} becomes in that type: what a kernel really reads. */
  static float[] rounded(float[] x, DType dtype) {
    float[] y = x.clone();
    for (int i = 0; i < y.length && dtype != DType.FLOAT32; i++) {
      y[i] = fromBits(toBits(y[i], dtype), dtype);
    }
    return y;
  }
}
