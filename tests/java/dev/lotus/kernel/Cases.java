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

  // ---- bfloat16 in Java: the upper half of a float, rounded to nearest even ----

  static short toBfloat16(float x) {
    int bits = Float.floatToRawIntBits(x);
    return Float.isNaN(x) ? (short) 0x7fc0 : (short) ((bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
  }

  static float fromBfloat16(short x) {
    return Float.intBitsToFloat(x << 16);
  }

  /** The floats that {@code x} becomes in that type: what a kernel really reads. */
  static float[] rounded(float[] x, DType dtype) {
    float[] y = x.clone();
    if (dtype == DType.BFLOAT16) {
      for (int i = 0; i < y.length; i++) {
        y[i] = fromBfloat16(toBfloat16(y[i]));
      }
    }
    return y;
  }
}
