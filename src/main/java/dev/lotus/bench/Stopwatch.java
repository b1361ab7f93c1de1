package dev.lotus.bench;

import dev.lotus.device.ComputeDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * Times several ways to do the same, in turn (A B A B ...), so that a machine that slows down slows
 * down for all of them.
 */
final class Stopwatch {
  /** Microseconds a call: the median, and the bounds of the middle three fifths. */
  record Times(double median, double p20, double p80, int samples) {
    static Times of(List<Double> micros) {
      double[] sorted = micros.stream().mapToDouble(Double::doubleValue).sorted().toArray();
      return new Times(at(sorted, 0.5), at(sorted, 0.2), at(sorted, 0.8), sorted.length);
    }

    private static double at(double[] sorted, double quantile) {
      double place = quantile * (sorted.length - 1);
      int below = (int) place;
      int above = Math.min(below + 1, sorted.length - 1);
      return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }
  }

  /** Blocks a side is timed in. */
  private static final int BLOCKS = 8;

  private static final int FEWEST_SAMPLES = 5;

  /** A sample of the CPU is at least this long: reading the clock takes 0.03 us. */
  private static final double SHORTEST_SAMPLE_MICROS = 20;

  /** And of a GPU, where waiting for it costs tens of microseconds. */
  private static final double SHORTEST_GPU_SAMPLE_MICROS = 2_000;

  private final double seconds;
  private final Runnable synchronize;
  private final double shortestSample;

  /** What waits for a device, or null where calls return when they are done. */
  static Runnable synchronize(ComputeDevice device) {
    return device.cuda()
        ? () -> torch_cuda.getCurrentCUDAStream((byte) device.index()).synchronize()
        : null;
  }

  /**
   * @param seconds how long each side is measured
   * @param synchronize waits for the device, or null where calls return when they are done
   */
  Stopwatch(double seconds, Runnable synchronize) {
    this.seconds = seconds;
    this.synchronize = synchronize;
    this.shortestSample = synchronize == null ? SHORTEST_SAMPLE_MICROS : SHORTEST_GPU_SAMPLE_MICROS;
  }

  /** The times of each side; sides get the numbers 0, 1, 2 ... as their calls go on. */
  List<Times> compare(List<IntConsumer> sides) {
    List<Side> runs = new ArrayList<>();
    for (IntConsumer side : sides) {
      runs.add(new Side(side));
    }
    runs.forEach(Side::warmUp);
    while (runs.stream().anyMatch(Side::wantsMore)) {
      runs.stream().filter(Side::wantsMore).forEach(Side::block);
    }
    return runs.stream().map(side -> Times.of(side.micros)).toList();
  }

  private final class Side {
    private final IntConsumer run;
    private final List<Double> micros = new ArrayList<>();
    private int turn;
    private int callsASample = 1;
    private double spentMicros;

    Side(IntConsumer run) {
      this.run = run;
    }

    /** A fifth of the time, for the JIT, the memory allocator and the caches; at least one call. */
    void warmUp() {
      double spent = 0;
      double last;
      do {
        last = sample();
        spent += last * callsASample;
        callsASample = (int) Math.max(1, Math.ceil(shortestSample / last));
      } while (spent < seconds * 0.2e6);
    }

    boolean wantsMore() {
      return spentMicros < seconds * 1e6 || micros.size() < FEWEST_SAMPLES;
    }

    void block() {
      double spent = 0;
      do {
        double one = sample();
        micros.add(one);
        spent += one * callsASample;
      } while (spent < seconds * 1e6 / BLOCKS);
      spentMicros += spent;
    }

    private double sample() {
      long begun = System.nanoTime();
      for (int i = 0; i < callsASample; i++) {
        run.accept(turn++);
      }
      if (synchronize != null) {
        synchronize.run();
      }
      return (System.nanoTime() - begun) * 1e-3 / callsASample;
    }
  }
}
