package dev.lotus.bench;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.NativeScope;
import dev.lotus.device.Precision;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.EvaluateLogits;
import dev.lotus.kernel.GumbelNoise;
import dev.lotus.kernel.Matrix;
import dev.lotus.kernel.Philox;
import java.util.List;
import java.util.function.IntConsumer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What the machine can do at best, measured with the same threads in the same run.
 *
 * <p>Costs of arithmetic are those of this library's own operations on a matrix that stays in the
 * cache, an upper bound of what the arithmetic costs: {@code lotus_philox} stores its words, {@code
 * lotus_gumbel_noise} its noise, {@code lotus_evaluate_logits} looks for a maximum and an entropy
 * beside each exponential. A floor made of them tells how much a fused operation adds to its parts,
 * not what the processor could do.
 *
 * @param copyBytesPerMicro bytes read and written a microsecond by a copy far larger than the cache
 * @param wordMicros a word of Philox, microseconds an element
 * @param drawMicros a Gumbel draw: word and two logarithms
 * @param exponentialMicros an exponential of a softmax
 */
public record Ceilings(
    double copyBytesPerMicro, double wordMicros, double drawMicros, double exponentialMicros) {
  private static final long COPY_FLOATS = 32L << 20;
  private static final long ROWS = 256;
  private static final long COLS = 1000;
  private static final double SECONDS = 0.5;
  private static final int GEMM_SIDE = 2048;

  /** Measures; takes about four seconds. */
  static Ceilings measure(ComputeDevice device, Runnable synchronize) {
    Stopwatch stopwatch = new Stopwatch(SECONDS, synchronize);
    return new Ceilings(copy(device, stopwatch), 0, 0, 0).withArithmetic(device, stopwatch);
  }

  private static double copy(ComputeDevice device, Stopwatch stopwatch) {
    try (BenchMemory memory = new BenchMemory(DType.FLOAT32, device)) {
      Tensor from = memory.zeros(ScalarType.Float, COPY_FLOATS);
      Tensor to = memory.zeros(ScalarType.Float, COPY_FLOATS);
      double micros =
          median(
              stopwatch,
              turn -> {
                try (NativeScope scope = new NativeScope()) {
                  to.copy_(from);
                }
              });
      return 2 * 4 * COPY_FLOATS / micros;
    }
  }

  /**
   * Rate of products of large square matrices in a precision, in units of 1e9 operations a second.
   */
  static double gemmGflopsPerS(ComputeDevice device, Precision precision) {
    ScalarType type = precision == Precision.BF16 ? ScalarType.BFloat16 : ScalarType.Float;
    try (NativeScope scope = new NativeScope();
        Precision.Mode mode = precision.arithmetic(device)) {
      Tensor square = torch.randn(new long[] {GEMM_SIDE, GEMM_SIDE}).to(device.torch(), type);
      double micros =
          median(
              new Stopwatch(2 * SECONDS, Stopwatch.synchronize(device)),
              turn -> {
                try (NativeScope product = new NativeScope()) {
                  torch.mm(square, square);
                }
              });
      return 2e-3 * GEMM_SIDE * GEMM_SIDE * GEMM_SIDE / micros;
    }
  }

  private Ceilings withArithmetic(ComputeDevice device, Stopwatch stopwatch) {
    try (BenchMemory memory = new BenchMemory(DType.FLOAT32, device)) {
      Tensor logits = memory.normal(1, ROWS, COLS);
      Tensor out = memory.zeros(ScalarType.Float, ROWS, COLS);
      Tensor samples = memory.labels(1 << 20, ROWS);
      Tensor labels = memory.labels(COLS, ROWS);
      Tensor entropy = memory.zeros(ScalarType.Float, ROWS);
      Matrix target = memory.matrix(out);
      Matrix source = memory.matrix(logits);
      LongPointer rows = BenchMemory.longs(samples);
      Pointer stream = memory.stream();
      EvaluateLogits.Output evaluated =
          new EvaluateLogits.Output(null, null, BenchMemory.floats(entropy), null, null);
      double elements = ROWS * COLS;
      return new Ceilings(
          copyBytesPerMicro,
          median(stopwatch, turn -> PhiloxBenchmark.words(turn, rows, out, device, stream))
              / elements,
          median(
                  stopwatch,
                  turn -> GumbelNoise.run(7, turn, Philox.FORGET_TARGET, rows, target, stream))
              / elements,
          median(
                  stopwatch,
                  turn -> EvaluateLogits.run(source, BenchMemory.longs(labels), evaluated, stream))
              / elements);
    }
  }

  private static double median(Stopwatch stopwatch, IntConsumer run) {
    return stopwatch.compare(List.of(run)).get(0).median();
  }
}
