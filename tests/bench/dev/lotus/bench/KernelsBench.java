package dev.lotus.bench;

import dev.lotus.bench.KernelBenchmark.Peer;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.TorchRuntime;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.Kernels;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The objects of {@code lotus bench kernels} under JMH, which tells what a call costs on the host:
 * argument checks and JNI, seen best at small shapes. Operations whose shapes are others are chosen
 * by hand, {@code -Dbench.op=adamw -Dbench.shape=resnet18}.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 1, time = 2)
@Measurement(iterations = 3, time = 4)
@Fork(
    value = 1,
    jvmArgsAppend = {"-Dorg.bytedeco.javacpp.maxPhysicalBytes=0", "-Xmx2g"})
public class KernelsBench {
  @Param("gumbel_cross_entropy")
  public String op;

  @Param("128x10")
  public String shape;

  @Param("2")
  public int threads;

  private KernelBenchmark benchmark;
  private Peer peer;
  private int turn;

  @Setup(Level.Trial)
  public void setUp() {
    TorchRuntime.load(threads);
    Kernels.setNumThreads(threads);
    benchmark =
        KernelBenchmarks.of(op).open(BenchShape.parse(shape), DType.FLOAT32, ComputeDevice.CPU);
    peer = benchmark.peers().isEmpty() ? new Peer("none", turn -> {}) : benchmark.peers().get(0);
  }

  @TearDown(Level.Trial)
  public void tearDown() {
    benchmark.close();
  }

  @Benchmark
  public void fused() {
    benchmark.fused(turn++);
  }

  @Benchmark
  public void eager() {
    peer.run().accept(turn++);
  }
}
