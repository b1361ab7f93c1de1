package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * Every parser of a user's data, on files with random bytes changed, cut, doubled or moved: it
 * either reads them or says in an {@link InputException} what is wrong, soon, and within the memory
 * that the file backs. Under a second each; the seed is fixed, so a failure repeats.
 */
class ParserFuzzTest {
  private static final long NANOS = 700_000_000L;
  private static final long ONE_CASE_NANOS = 5_000_000_000L;

  @TempDir Path temp;

  private static byte[] mutate(byte[] valid, SplittableRandom random) {
    byte[] bytes = valid.clone();
    int changes = 1 + random.nextInt(6);
    for (int i = 0; i < changes && bytes.length > 0; i++) {
      int at = random.nextInt(Math.min(bytes.length, random.nextBoolean() ? 700 : bytes.length));
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] = (byte) random.nextInt(256);
        case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 2 -> bytes[at] = (byte) (random.nextBoolean() ? 0xff : 0x7f);
        case 3 -> bytes = java.util.Arrays.copyOf(bytes, at);
        case 4 -> System.arraycopy(valid, 0, bytes, at, Math.min(valid.length, bytes.length - at));
        default -> {
          int end = Math.min(bytes.length, at + 1 + random.nextInt(8));
          java.util.Arrays.fill(bytes, at, end, (byte) (random.nextBoolean() ? 0 : 0xff));
        }
      }
    }
    return bytes;
  }

  private static void fuzz(String what, byte[] valid, FuzzTargets.Parser parser, long nanos)
      throws IOException {
    parser.parse(valid);
    SplittableRandom random = new SplittableRandom(what.hashCode());
    long start = System.nanoTime();
    int cases = 0;
    int refused = 0;
    while (System.nanoTime() - start < nanos) {
      byte[] bytes = mutate(valid, random);
      long begin = System.nanoTime();
      cases++;
      try {
        parser.parse(bytes);
      } catch (InputException e) {
        refused++;
        assertThat(e.getMessage()).isNotBlank();
      } catch (RuntimeException | Error e) {
        throw new AssertionError(what + ", case " + cases + " of the seed", e);
      }
      assertThat(System.nanoTime() - begin).as(what + ", case " + cases).isLessThan(ONE_CASE_NANOS);
    }
    assertThat(refused).as(what + ": of " + cases + " cases some must be wrong").isPositive();
  }

  @ParameterizedTest
  @FieldSource("dev.lotus.data.FuzzTargets#NAMES")
  void refusesOrReads(String name) throws IOException {
    FuzzTargets.Target target = FuzzTargets.target(name, temp);
    for (byte[] seed : target.seeds()) {
      fuzz(name, seed, target.parser(), NANOS / target.seeds().size());
    }
  }
}
