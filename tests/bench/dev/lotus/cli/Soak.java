package dev.lotus.cli;

import dev.lotus.device.ProcessMemory;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.commons.math3.stat.regression.SimpleRegression;

/**
 * Commands in one JVM for as long as one likes: unlearn, evaluate, verify the certificate, again
 * and again, each into new folders. Does memory creep, do descriptors or threads stay behind?
 * Arguments: minutes.
 */
public final class Soak {
  /**
   * Of the rounds: what comes before counts for no slope, while allocators and compilers settle.
   */
  private static final double SETTLING = 0.25;

  private static final String DATA = " --dataset synthetic --split DIR/split.json";

  private Soak() {}

  private record Round(long resident, long descriptors, int threads) {}

  /** What Java objects take once all that nobody needs is gone. */
  private static double liveHeap() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / 1e6;
  }

  /** Prints a line a minute, and what was found. */
  public static void main(String[] args) throws IOException {
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(Long.parseLong(args[0]));
    Path folder = Files.createTempDirectory("lotus-soak");
    run(folder, "split --dataset synthetic --forget-fraction 0.1 --out DIR/split.json");
    run(folder, "train --model resnet20 --width 0.5 --epochs 1 --out DIR/original" + DATA);
    List<Round> rounds = new ArrayList<>();
    double live = liveHeap();
    long nextLine = System.nanoTime();
    while (System.nanoTime() < end) {
      run(
          folder,
          "unlearn --method lotus --tau fixed:2 --epochs 2 --lr 1e-6 --original DIR/original --out DIR/unlearned"
              + DATA);
      run(
          folder,
          "evaluate --unlearned DIR/unlearned --original DIR/original --out DIR/evaluated" + DATA);
      run(folder, "certificate verify DIR/unlearned --original DIR/original --dataset synthetic");
      delete(folder.resolve("unlearned"));
      delete(folder.resolve("evaluated"));
      rounds.add(new Round(ProcessMemory.residentBytes(), descriptors(), Thread.activeCount()));
      if (System.nanoTime() > nextLine) {
        print(rounds, rounds.size() - 1);
        nextLine += TimeUnit.MINUTES.toNanos(1);
      }
    }
    delete(folder);
    int settled = (int) (rounds.size() * SETTLING);
    SimpleRegression memory = new SimpleRegression();
    for (int i = settled; i < rounds.size(); i++) {
      memory.addData(i, rounds.get(i).resident());
    }
    print(rounds, settled);
    print(rounds, rounds.size() - 1);
    System.out.printf(
        Locale.ROOT,
        "resident memory since round %d: slope %.1f KB a round; live heap %.1f MB, at the end %.1f%n",
        settled + 1,
        memory.getSlope() / 1e3,
        live,
        liveHeap());
  }

  private static void print(List<Round> rounds, int index) {
    Round round = rounds.get(index);
    System.out.printf(
        Locale.ROOT,
        "round %d: %.1f MB, %d descriptors, %d threads%n",
        index + 1,
        round.resident() / 1e6,
        round.descriptors(),
        round.threads());
  }

  /** A command line, in which DIR is the folder of all files. */
  private static void run(Path folder, String words) {
    String[] arguments =
        Arrays.stream(words.split(" "))
            .map(word -> word.replace("DIR", folder.toString()))
            .toArray(String[]::new);
    PrintStream out = System.out;
    System.setOut(new PrintStream(PrintStream.nullOutputStream()));
    try {
      int status = Main.run(arguments);
      if (status != Main.DONE) {
        throw new IllegalStateException(words + ": exit status " + status);
      }
    } finally {
      System.setOut(out);
    }
  }

  private static long descriptors() throws IOException {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    }
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
