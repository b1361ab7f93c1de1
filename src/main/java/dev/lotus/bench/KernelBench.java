package dev.lotus.bench;

import dev.lotus.bench.KernelBenchmark.Peer;
import dev.lotus.bench.KernelBenchmarks.Definition;
import dev.lotus.bench.Stopwatch.Times;
import dev.lotus.device.ComputeDevice;
import dev.lotus.kernel.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntConsumer;

/** Runs benchmarks on one device with a number of threads that both sides have. */
public final class KernelBench {
  /** One thing to measure. */
  public record Case(Definition definition, BenchShape shape, DType dtype) {
    @Override
    public String toString() {
      return definition.op() + " " + shape + " " + name(dtype);
    }
  }

  private final ComputeDevice device;
  private final int threads;
  private final Stopwatch stopwatch;
  private final Ceilings ceilings;

  /**
   * Measures the machine's ceilings.
   *
   * @param threads what libtorch and the kernels were set to; for the record
   * @param seconds a measurement
   */
  public KernelBench(ComputeDevice device, int threads, double seconds) {
    this.device = device;
    this.threads = threads;
    Runnable synchronize = Stopwatch.synchronize(device);
    this.stopwatch = new Stopwatch(seconds, synchronize);
    this.ceilings = Ceilings.measure(device, synchronize);
  }

  /** What the machine can do. */
  public Ceilings ceilings() {
    return ceilings;
  }

  /**
   * The cases of these operations: each at its own shapes where none is given, else at those that
   * fit it; in the types that it takes.
   */
  public static List<Case> cases(
      List<Definition> definitions, List<BenchShape> shapes, List<DType> types) {
    List<Case> cases = new ArrayList<>();
    for (Definition definition : definitions) {
      for (BenchShape shape : shapes.isEmpty() ? definition.shapes() : shapes) {
        for (DType dtype : types) {
          if (definition.fits(shape) && definition.types().contains(dtype)) {
            cases.add(new Case(definition, shape, dtype));
          }
        }
      }
    }
    return cases;
  }

  /** Measures the operation and its peers in turn; one record a peer, or one without. */
  public List<KernelRecord> run(Case what) {
    try (KernelBenchmark benchmark = what.definition().open(what.shape(), what.dtype(), device)) {
      List<IntConsumer> sides = new ArrayList<>();
      sides.add(benchmark::fused);
      for (Peer peer : benchmark.peers()) {
        sides.add(peer.run());
      }
      List<Times> times = stopwatch.compare(sides);
      List<KernelRecord> records = new ArrayList<>();
      if (benchmark.peers().isEmpty()) {
        records.add(record(what, benchmark, times.get(0), null, null));
      }
      for (int i = 0; i < benchmark.peers().size(); i++) {
        String peer = benchmark.peers().get(i).name();
        records.add(record(what, benchmark, times.get(0), peer, times.get(i + 1)));
      }
      return records;
    }
  }

  private KernelRecord record(
      Case what, KernelBenchmark benchmark, Times fused, String peer, Times peerTimes) {
    double bytesPerMicro = benchmark.bytes() / fused.median();
    double floor = benchmark.floorMicros(ceilings);
    return new KernelRecord(
        what.definition().op(),
        device.cuda() ? "cuda" : "cpu",
        name(what.dtype()),
        what.shape().rows(),
        what.shape().cols(),
        threads,
        fused.median(),
        fused.p20(),
        fused.p80(),
        benchmark.bytes(),
        bytesPerMicro * 1e-3,
        100 * bytesPerMicro / ceilings.copyBytesPerMicro(),
        peer,
        peerTimes == null ? null : peerTimes.median(),
        peerTimes == null ? null : peerTimes.median() / fused.median(),
        floor,
        100 * floor / fused.median());
  }

  /** {@code fp32}, {@code bf16}, {@code fp16}. */
  public static String name(DType dtype) {
    return switch (dtype) {
      case FLOAT32 -> "fp32";
      case BFLOAT16 -> "bf16";
      case FLOAT16 -> "fp16";
    };
  }
}
