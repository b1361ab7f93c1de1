package dev.lotus.data;

/**
 * SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the seeded numbers behind splits, generated images,
 * epoch order and augmentation. Written out here so that a seed means the same on every Java
 * release. The noise of the loss is not drawn from it.
 */
public final class SplitMix {
  private static final long GOLDEN = 0x9e3779b97f4a7c15L;
  private long state;

  /**
   * The sequence number {@code stream} of {@code seed}; different streams of one seed are
   * unrelated.
   */
  public SplitMix(long seed, long stream) {
    state = hash(seed, stream);
  }

  /** A well-mixed function of its two arguments. */
  public static long hash(long a, long b) {
    return mix(mix(a + GOLDEN) + b * GOLDEN + GOLDEN);
  }

  public long nextLong() {
    state += GOLDEN;
    return mix(state);
  }

  /**
   * Uniform in [0, bound), bound at least 1. Its bias, below bound / 2^32, is that of multiply and
   * shift.
   */
  public int nextInt(int bound) {
    return (int) (((nextLong() >>> 32) * bound) >>> 32);
  }

  /** Uniform in [0, 1), 24 bits. */
  public float nextFloat() {
    return (nextLong() >>> 40) * 0x1p-24f;
  }

  /** Shuffles in place (Fisher-Yates). */
  public void shuffle(int[] values) {
    for (int i = values.length - 1; i > 0; i--) {
      int j = nextInt(i + 1);
      int kept = values[i];
      values[i] = values[j];
      values[j] = kept;
    }
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
