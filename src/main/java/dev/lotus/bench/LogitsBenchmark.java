package dev.lotus.bench;

import dev.lotus.kernel.Matrix;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;

/** What the benchmarks on logits [B, C] share: sets of inputs taken in turn. */
abstract class LogitsBenchmark implements KernelBenchmark {
  final BenchMemory memory;
  final long rows;
  final long cols;
  final Pointer stream;
  private final int sets;

  /**
   * @param matrices how many [B, C] matrices a call reads and writes
   */
  LogitsBenchmark(BenchShape shape, BenchMemory memory, int matrices) {
    this.memory = memory;
    this.rows = shape.rows();
    this.cols = shape.cols();
    this.stream = memory.stream();
    this.sets = BenchMemory.sets(matrices * matrixBytes());
  }

  /** Bytes of a matrix in the benchmark's type. */
  final long matrixBytes() {
    return rows * cols * memory.dtype.bytes();
  }

  /**
   * The floor of what takes {@code arithmeticMicros} and moves {@link #bytes}; what stays in the
   * cache is not held to the speed of memory.
   */
  final double floor(Ceilings ceilings, double arithmeticMicros) {
    return bytes() < BenchMemory.LARGE
        ? arithmeticMicros
        : Math.max(arithmeticMicros, bytes() / ceilings.copyBytesPerMicro());
  }

  /** One for each set of inputs. */
  final <T> List<T> each(IntFunction<T> make) {
    List<T> all = new ArrayList<>();
    for (int set = 0; set < sets; set++) {
      all.add(make.apply(set));
    }
    return all;
  }

  /** Logits of standard deviation {@code deviation}. */
  final List<Tensor> logits(double deviation) {
    return each(set -> memory.normal(deviation, rows, cols));
  }

  final List<Tensor> outputs() {
    return each(set -> memory.zeros(BenchMemory.scalarType(memory.dtype), rows, cols));
  }

  final List<Matrix> matrices(List<Tensor> tensors) {
    return tensors.stream().map(memory::matrix).toList();
  }

  /** The one whose turn it is. */
  static <T> T at(List<T> all, int turn) {
    return all.get(Math.floorMod(turn, all.size()));
  }

  /** Tensors as leaves that libtorch differentiates to. */
  static List<Tensor> leaves(List<Tensor> tensors) {
    tensors.forEach(tensor -> tensor.set_requires_grad(true));
    return tensors;
  }

  @Override
  public void close() {
    memory.close();
  }
}
