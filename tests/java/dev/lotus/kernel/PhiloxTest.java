package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.kernel.binding.Lotus;
import java.util.Arrays;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.junit.jupiter.api.Test;

class PhiloxTest {
  /** Random123's published vectors for philox4x32-10. */
  @Test
  void knownAnswers() {
    assertThat(words(0L, 0, 0, 0L, 0))
        .containsExactly(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    // Counter ffffffff x 4, key ffffffff x 2: sample's high word << 8 | stream must be ffffffff
    // too.
    assertThat(words(-1L, -1, 0xff, 0x00ffffff_ffffffffL, 0xffffffffL))
        .containsExactly(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    assertThat(words(0x299f31d0a4093822L, 0x03707344, 0x2e, 0x13198a_85a308d3L, 0x243f6a88L))
        .containsExactly(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
  }

  private static int[] words(long seed, int step, int stream, long sample, long block) {
    int[] words = new int[4];
    for (int i = 0; i < 4; i++) {
      words[i] = Philox.word(seed, step, stream, sample, 4 * block + i);
    }
    return words;
  }

  @Test
  void nativeWordsAreTheSameIntegers() {
    long seed = 0x1234_5678_9abc_def0L;
    long[] samples = {0, 1, 77, 1L << 33 | 5, Integer.MAX_VALUE};
    for (int cols : new int[] {1, 5, 32, 33, 1001}) {
      try (IntPointer out = new IntPointer((long) samples.length * cols);
          LongPointer positions = new LongPointer(samples)) {
        assertThat(
                Lotus.lotus_philox(
                    seed, 9, 1, positions, samples.length, cols, out, cols, Matrix.CPU, null))
            .isZero();
        for (int b = 0; b < samples.length; b++) {
          for (int c = 0; c < cols; c++) {
            assertThat(out.get((long) b * cols + c))
                .isEqualTo(Philox.word(seed, 9, 1, samples[b], c));
          }
        }
      }
    }
  }

  /**
   * 100 equal bins of a million draws: chi-square with 99 degrees of freedom has mean 99, deviation
   * 14.
   */
  @Test
  void uniformsAreUniform() {
    int[] bins = new int[100];
    for (int i = 0; i < 1_000_000; i++) {
      bins[(int) (100 * Philox.uniform(Philox.word(3, 1, 0, i / 10, i % 10)))]++;
    }
    double chi2 =
        Arrays.stream(bins).mapToDouble(n -> (n - 10_000.0) * (n - 10_000.0) / 10_000).sum();
    assertThat(chi2).isBetween(55.0, 160.0);
  }

  /** Gumbel(0, 1): mean is Euler's constant, variance pi^2 / 6. */
  @Test
  void gumbelMoments() {
    double sum = 0;
    double squares = 0;
    int n = 400_000;
    for (int i = 0; i < n; i++) {
      double g = Philox.gumbel(Philox.word(11, 0, 1, i, 3));
      sum += g;
      squares += g * g;
    }
    assertThat(sum / n).isCloseTo(0.5772, within(0.01));
    assertThat(squares / n - sum / n * (sum / n)).isCloseTo(Math.PI * Math.PI / 6, within(0.03));
  }
}
