package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.TensorList;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What the benchmarks on weights share: ResNet18's 62 parameter tensors with gradients and state,
 * once for the kernel and once, with the same values, for its peer.
 */
abstract class WeightsBenchmark implements KernelBenchmark {
  /** A parameter and what goes with it. */
  static final class Parameter {
    final Tensor weight;
    final Tensor gradient;
    final Tensor first;
    final Tensor second;
    final Tensor mask;

    Parameter(Tensor weight, Tensor gradient, Tensor first, Tensor second, Tensor mask) {
      this.weight = weight;
      this.gradient = gradient;
      this.first = first;
      this.second = second;
      this.mask = mask;
    }
  }

  final BenchMemory memory;
  final long elements = ResNet18Sizes.total();
  final List<Parameter> fused = new ArrayList<>();
  final List<Parameter> peer = new ArrayList<>();
  final TensorList tensors;

  /**
   * @param firstSize size of the numbers that {@code first} starts with
   * @param secondSize of those of {@code second}
   * @param masked whether the kernel sees the masks
   */
  WeightsBenchmark(BenchMemory memory, double firstSize, double secondSize, boolean masked) {
    this.memory = memory;
    for (long count : ResNet18Sizes.all()) {
      Parameter one =
          new Parameter(
              normal(0.05, count),
              memory.normal(0.01, count),
              state(firstSize, count),
              state(secondSize, count),
              memory.zeros(ScalarType.Byte, count));
      fused.add(one);
      peer.add(
          new Parameter(
              copy(one.weight),
              copy(one.gradient),
              copy(one.first),
              copy(one.second),
              copy(one.mask)));
    }
    tensors =
        new TensorList(
            fused.stream()
                .map(
                    t ->
                        new TensorList.Entry(
                            BenchMemory.floats(t.weight),
                            t.gradient.data_ptr(),
                            BenchMemory.floats(t.first),
                            BenchMemory.floats(t.second),
                            masked ? BenchMemory.bytes(t.mask) : null,
                            null,
                            t.weight.size(0)))
                .toList(),
            memory.dtype,
            memory.device.nativeIndex());
  }

  private Tensor normal(double deviation, long count) {
    return memory.keep(() -> torch.randn(count).mul(new Scalar(deviation)));
  }

  /** Squares of normal numbers of this size, as moments and importances are; zeros for 0. */
  private Tensor state(double size, long count) {
    return memory.keep(() -> torch.randn(count).square().mul(new Scalar(size)));
  }

  private Tensor copy(Tensor tensor) {
    return memory.keep(tensor::clone);
  }

  /** The values of one field of all tensors, one after the other. */
  static double[] all(List<Parameter> parameters, Function<Parameter, Tensor> field) {
    double[] values = new double[(int) ResNet18Sizes.total()];
    int at = 0;
    for (Parameter parameter : parameters) {
      double[] some = BenchMemory.values(field.apply(parameter));
      System.arraycopy(some, 0, values, at, some.length);
      at += some.length;
    }
    return values;
  }

  /** One call of the composition, on {@link #peer}. */
  abstract void eager();

  @Override
  public List<Peer> peers() {
    return List.of(
        new Peer(
            "eager",
            turn -> {
              try (NativeScope scope = new NativeScope()) {
                eager();
              }
            }));
  }

  @Override
  public void close() {
    tensors.close();
    memory.close();
  }
}
