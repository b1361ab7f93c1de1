package dev.lotus.backbone;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipFile;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Valid files, damaged at random: a reader gives tensors or says what is wrong, soon, and makes
 * nothing that the file's own size does not back. The seed of a failure is in its message.
 */
@ExtendWith(LeakCheck.class)
@Timeout(60)
class WeightFileFuzzTest {
  private static final long NANOS = TimeUnit.MILLISECONDS.toNanos(700);

  /** A constant of the JVM and its zip reader, and so many bytes of heap for a byte of the file. */
  private static final long HEAP_CONSTANT = 4 << 20;

  private static final long HEAP_FACTOR = 200;
  private static final byte[][] NUMBERS = {
    {-1, -1, -1, -1},
    {-1, -1, -1, 127},
    {0, 0, 0, 0},
    {0, 0, 0, 1},
    {-1, -1, -1, -1, -1, -1, -1, 127}
  };

  @TempDir Path folder;

  /** Reads what is given; only an InputException is a proper refusal. */
  private interface Reader {
    void read(byte[] bytes) throws IOException;
  }

  @ParameterizedTest
  @ValueSource(strings = {"strided.pth", "strided.th", "strided.expected.safetensors", "types.pth"})
  void aDamagedFileIsReadOrRefused(String name) throws IOException {
    byte[] valid = Files.readAllBytes(GoldenModels.file(name));
    Path file = folder.resolve(name);
    int[] outcomes =
        fuzz(
            valid,
            bytes -> {
              Files.write(file, bytes);
              try (PointerScope scope = new PointerScope()) {
                Checkpoint.Loaded loaded = Checkpoint.read(file);
                loaded
                    .tensors()
                    .forEach(
                        (key, tensor) ->
                            assertThat(tensor.nbytes()).as(key).isLessThanOrEqualTo(bytes.length));
              }
            });
    assertThat(outcomes[0]).as("read").isPositive();
    assertThat(outcomes[1]).as("refused").isPositive();
  }

  @Test
  void aDamagedPickleIsReadOrRefused() throws IOException {
    byte[] valid;
    try (ZipFile zip = new ZipFile(GoldenModels.file("types.pth").toFile())) {
      valid = zip.getInputStream(zip.getEntry("types/data.pkl")).readAllBytes();
    }
    int[] outcomes =
        fuzz(valid, bytes -> StateDicts.find(new TorchPickle(ByteBuffer.wrap(bytes)).read()));
    assertThat(outcomes[0]).as("read").isPositive();
    assertThat(outcomes[1]).as("refused").isPositive();
  }

  /** How many were read and how many refused. */
  private static int[] fuzz(byte[] valid, Reader reader) throws IOException {
    com.sun.management.ThreadMXBean heap =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    int[] outcomes = new int[2];
    long end = System.nanoTime() + NANOS;
    for (long seed = 0; System.nanoTime() < end; seed++) {
      byte[] bytes = seed == 0 ? valid : damaged(valid, new SplittableRandom(seed));
      long before = heap.getCurrentThreadAllocatedBytes();
      long start = System.nanoTime();
      try {
        reader.read(bytes);
        outcomes[0]++;
      } catch (InputException e) {
        assertThat(e.getMessage()).isNotBlank();
        outcomes[1]++;
      } catch (RuntimeException | Error e) {
        fail("seed " + seed + ": " + e, e);
      }
      assertThat(heap.getCurrentThreadAllocatedBytes() - before)
          .as("heap, seed " + seed)
          .isLessThan(HEAP_CONSTANT + HEAP_FACTOR * bytes.length);
      assertThat(System.nanoTime() - start)
          .as("nanoseconds, seed " + seed)
          .isLessThan(TimeUnit.SECONDS.toNanos(20));
    }
    return outcomes;
  }

  private static byte[] damaged(byte[] valid, SplittableRandom random) {
    byte[] bytes = valid.clone();
    for (int change = 1 + random.nextInt(4); change > 0; change--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt(256);
        case 2 -> { // a number that is too large, or none
          byte[] number = NUMBERS[random.nextInt(NUMBERS.length)];
          System.arraycopy(number, 0, bytes, at, Math.min(number.length, bytes.length - at));
        }
        case 3 -> bytes = Arrays.copyOf(bytes, Math.max(1, at));
        case 4 -> { // a piece of the file over another
          int from = random.nextInt(bytes.length);
          int length = random.nextInt(1 + Math.min(64, bytes.length - Math.max(at, from)));
          System.arraycopy(bytes, from, bytes, at, length);
        }
        default -> { // a piece left out
          int length = Math.min(random.nextInt(16), bytes.length - 1 - at);
          byte[] shorter = Arrays.copyOf(bytes, bytes.length - length);
          System.arraycopy(bytes, at + length, shorter, at, shorter.length - at);
          bytes = shorter;
        }
      }
    }
    return bytes;
  }
}
