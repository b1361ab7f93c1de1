package dev.lotus.fuzz;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertAll;

import dev.lotus.device.InputException;
import dev.lotus.device.TorchRuntime;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every parser of what others wrote, on damaged input: it reads it or says in an {@link
 * InputException} what is wrong, soon, makes nothing that the input's own size does not back, and
 * leaves nothing behind. Seeds are fixed, so a failure repeats. -Dlotus.fuzz.seconds=N gives each
 * parser N seconds of the clock; four run at a time.
 */
class ParserFuzzTest {
  private static final int THREADS = 4;
  private static final double SECONDS =
      Double.parseDouble(System.getProperty("lotus.fuzz.seconds", "5"));
  private static final long ONE_CASE_NANOS = TimeUnit.SECONDS.toNanos(20);

  /** Where the time is over and none was right, or none wrong, as on a machine that is busy. */
  private static final int MOST_CASES = 5000;

  /** What the JVM's readers and libraries take whatever the input, in bytes of heap. */
  private static final long HEAP_CONSTANT = 4 << 20;

  /** Bytes of heap for a byte of input. */
  private static final long HEAP_FACTOR = 200;

  /** What a thread keeps for its next picture, in native objects. */
  private static final int KEPT = 4;

  private static final com.sun.management.ThreadMXBean HEAP =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  @TempDir Path temp;

  @Test
  void everyParserReadsOrRefuses() throws Exception {
    TorchRuntime.load(1);
    long before = Pointer.totalCount();
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      Map<String, Future<?>> running = new TreeMap<>();
      for (String name : FuzzTargets.NAMES) {
        running.put(name, threads.submit(() -> run(name)));
      }
      List<Executable> ends = new ArrayList<>();
      running.values().forEach(end -> ends.add(end::get));
      assertAll(ends);
      assertThat(Pointer.totalCount() - before).as("left").isLessThanOrEqualTo(THREADS * KEPT);
    } finally {
      threads.shutdownNow();
    }
  }

  private Void run(String name) throws IOException {
    FuzzTarget target = FuzzTargets.target(name, temp);
    long nanos = (long) (SECONDS * 1e9 / target.seeds().size());
    for (byte[] seed : target.seeds()) {
      fuzz(name, seed, target.parser(), nanos);
    }
    return null;
  }

  private static void fuzz(String name, byte[] valid, FuzzTarget.Parser parser, long nanos)
      throws IOException {
    parser.parse(valid);
    SplittableRandom random = new SplittableRandom(name.hashCode());
    long start = System.nanoTime();
    int refused = 0;
    int cases = 0;
    while (System.nanoTime() - start < nanos
        || cases < MOST_CASES && (refused == 0 || refused == cases)) {
      byte[] bytes = Mutations.of(valid, random);
      String what = name + ", case " + ++cases + " of the seed";
      long begin = System.nanoTime();
      long heap = HEAP.getCurrentThreadAllocatedBytes();
      try {
        parser.parse(bytes);
      } catch (InputException e) {
        refused++;
        assertThat(e.getMessage()).as(what).isNotBlank();
      } catch (RuntimeException | Error e) {
        throw new AssertionError(what, e);
      }
      long made = HEAP.getCurrentThreadAllocatedBytes() - heap;
      assertThat(made)
          .as(what + ": bytes of heap")
          .isLessThan(HEAP_CONSTANT + HEAP_FACTOR * bytes.length);
      assertThat(System.nanoTime() - begin).as(what + ": nanoseconds").isLessThan(ONE_CASE_NANOS);
    }
    assertThat(refused).as(name + ": of " + cases + " cases some are wrong").isPositive();
    assertThat(refused).as(name + ": of " + cases + " cases some are right").isLessThan(cases);
  }
}
