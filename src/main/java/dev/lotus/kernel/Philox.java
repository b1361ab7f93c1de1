package dev.lotus.kernel;

/**
 * Philox4x32-10 (Salmon et al., SC 2011), the source of the kernels' noise: the same integers here,
 * in the CPU kernels and in the CUDA kernels, whatever the launch shape, thread count or number of
 * processes.
 *
 * <p>key = (seed low word, high word); counter = (c / 4, sample low word, sample high word &lt;&lt;
 * 8 | stream, step); word c % 4 belongs to index c. A uniform is u = ((word &gt;&gt;&gt; 8) + 0.5)
 * 2^-24, a Gumbel draw -log(-log u).
 */
public final class Philox {
  /** Streams of the kernels, as in {@code lotus.h}. */
  public static final int FORGET_TARGET = 0;

  public static final int RETAIN_TARGET = 1;
  public static final int SUBSETS = 2;

  /** Crops and flips of {@link GatherAugment}. */
  public static final int AUGMENT = 3;

  private static final long M0 = 0xD2511F53L;
  private static final long M1 = 0xCD9E8D57L;
  private static final int W0 = 0x9E3779B9;
  private static final int W1 = 0xBB67AE85;
  private static final long LOW = 0xFFFFFFFFL;

  private Philox() {}

  /** The 32-bit word of index {@code c} (0 or more) of one sample. */
  public static int word(long seed, int step, int stream, long sample, long c) {
    int x0 = (int) (c / 4);
    int x1 = (int) sample;
    int x2 = (int) (sample >>> 32) << 8 | stream;
    int x3 = step;
    int k0 = (int) seed;
    int k1 = (int) (seed >>> 32);
    for (int round = 0; round < 10; round++) {
      long a = M0 * (x0 & LOW);
      long b = M1 * (x2 & LOW);
      x0 = (int) (b >>> 32) ^ x1 ^ k0;
      x1 = (int) b;
      x2 = (int) (a >>> 32) ^ x3 ^ k1;
      x3 = (int) a;
      k0 += W0;
      k1 += W1;
    }
    return switch ((int) (c % 4)) {
      case 0 -> x0;
      case 1 -> x1;
      case 2 -> x2;
      default -> x3;
    };
  }

  /** A uniform in (0, 1), exact: 24 random bits and a half. */
  public static double uniform(int word) {
    return ((word >>> 8) + 0.5) * 0x1p-24;
  }

  /** A draw of Gumbel(0, 1), in double precision. */
  public static double gumbel(int word) {
    return -Math.log(-Math.log(uniform(word)));
  }
}
