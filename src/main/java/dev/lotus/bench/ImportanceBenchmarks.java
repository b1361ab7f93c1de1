package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.AbsAccumulate;
import dev.lotus.kernel.GradientNorm;
import dev.lotus.kernel.SquareAccumulate;
import java.util.List;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** What is read off the gradients: their norm, SSD's importances, SalUn's scores. */
final class ImportanceBenchmarks {
  private static final float SCALE = 0.25f;

  private ImportanceBenchmarks() {}

  static KernelBenchmark gradientNorm(BenchShape shape, BenchMemory memory) {
    return new Norm(memory);
  }

  static KernelBenchmark squareAccumulate(BenchShape shape, BenchMemory memory) {
    return new Accumulate(memory, true);
  }

  static KernelBenchmark absAccumulate(BenchShape shape, BenchMemory memory) {
    return new Accumulate(memory, false);
  }

  /** As clip_grad_norm_ takes it: the norm of the tensors' norms, summed in fp32. */
  private static final class Norm extends WeightsBenchmark {
    private final Tensor norm;
    private final DoublePointer workspace;

    Norm(BenchMemory memory) {
      super(memory, 0, 0, false);
      norm = memory.zeros(ScalarType.Double, 1);
      workspace = BenchMemory.doubles(memory.zeros(ScalarType.Double, GradientNorm.WORKSPACE));
    }

    @Override
    public long bytes() {
      return elements * memory.dtype.bytes();
    }

    @Override
    public void fused(int turn) {
      GradientNorm.run(tensors, BenchMemory.doubles(norm), workspace, memory.stream());
    }

    @Override
    void eager() {
      total();
    }

    private Tensor total() {
      Tensor[] norms = peer.stream().map(p -> p.gradient.norm()).toArray(Tensor[]::new);
      return torch.stack(new TensorVector(norms)).norm();
    }

    @Override
    public List<Agreement> agreements() {
      try (NativeScope scope = new NativeScope()) {
        fused(0);
        return List.of(
            new Agreement(
                "norm",
                BenchMemory.values(norm),
                BenchMemory.values(total()),
                5 * memory.tolerance()));
      }
    }
  }

  /** first += scale g^2 or scale |g|. */
  private static final class Accumulate extends WeightsBenchmark {
    private final boolean square;

    Accumulate(BenchMemory memory, boolean square) {
      super(memory, 1e-4, 0, false);
      this.square = square;
    }

    @Override
    public long bytes() {
      return elements * (2 * Float.BYTES + memory.dtype.bytes());
    }

    @Override
    public void fused(int turn) {
      if (square) {
        SquareAccumulate.run(tensors, SCALE, memory.stream());
      } else {
        AbsAccumulate.run(tensors, SCALE, false, memory.stream());
      }
    }

    @Override
    void eager() {
      Scalar scale = new Scalar((double) SCALE);
      for (Parameter parameter : peer) {
        Tensor g = parameter.gradient;
        if (square) {
          parameter.first.addcmul_(g, g, scale);
        } else {
          parameter.first.add_(g.abs(), scale);
        }
      }
    }

    @Override
    public List<Agreement> agreements() {
      fused(0);
      try (NativeScope scope = new NativeScope()) {
        eager();
      }
      return List.of(
          new Agreement(
              "first", all(fused, p -> p.first), all(peer, p -> p.first), memory.tolerance()));
    }
  }
}
