package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.AdamW;
import dev.lotus.kernel.Clipping;
import dev.lotus.kernel.MaskMode;
import dev.lotus.kernel.Sgd;
import dev.lotus.optim.Optimizers;
import dev.lotus.optim.WeightUpdate;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** A step of an optimizer over all parameters; eager is libtorch's own, in C++. */
final class OptimizerBenchmarks {
  private static final double LEARNING_RATE = 1e-4;
  private static final double WEIGHT_DECAY = 5e-4;
  private static final double MOMENTUM = 0.9;
  private static final int STEPS = 3;

  private OptimizerBenchmarks() {}

  static KernelBenchmark adamW(BenchShape shape, BenchMemory memory) {
    return new OfAdamW(memory);
  }

  static KernelBenchmark sgd(BenchShape shape, BenchMemory memory) {
    return new OfSgd(memory);
  }

  /** What both share: libtorch's optimizer on the peer's tensors. */
  private abstract static class Step extends WeightsBenchmark {
    private final WeightUpdate update;
    private int step;

    Step(BenchMemory memory, boolean adamW) {
      super(memory, 0, 0, false);
      List<Tensor> weights = peer.stream().map(p -> p.weight).toList();
      try (NativeScope scope = new NativeScope()) {
        for (Parameter parameter : peer) {
          parameter.weight.set_requires_grad(true);
          parameter.weight.mutable_grad().put(parameter.gradient);
        }
      }
      update =
          adamW
              ? Optimizers.adamW(weights, LEARNING_RATE, WEIGHT_DECAY)
              : Optimizers.sgd(weights, LEARNING_RATE, MOMENTUM, WEIGHT_DECAY);
    }

    abstract void step(int number);

    @Override
    public final void fused(int turn) {
      step(++step);
    }

    @Override
    void eager() {
      update.step();
    }

    /** Weights after the same number of steps from the same start. */
    @Override
    public List<Agreement> agreements() {
      for (int i = 0; i < STEPS; i++) {
        fused(i);
        eager();
      }
      return List.of(
          new Agreement("weights", all(fused, p -> p.weight), all(peer, p -> p.weight), 2e-6));
    }

    @Override
    public void close() {
      update.close();
      super.close();
    }
  }

  private static final class OfAdamW extends Step {
    private final AdamW.Settings settings = AdamW.Settings.of(LEARNING_RATE, WEIGHT_DECAY);

    OfAdamW(BenchMemory memory) {
      super(memory, true);
    }

    /** Weights and two moments are read and written, gradients read. */
    @Override
    public long bytes() {
      return elements * (6 * Float.BYTES + memory.dtype.bytes());
    }

    @Override
    void step(int number) {
      AdamW.run(tensors, settings, number, MaskMode.GRADIENT, Clipping.NONE, memory.stream());
    }
  }

  private static final class OfSgd extends Step {
    private final Sgd.Settings settings = new Sgd.Settings(LEARNING_RATE, MOMENTUM, WEIGHT_DECAY);

    OfSgd(BenchMemory memory) {
      super(memory, false);
    }

    /** Weights and momentum are read and written, gradients read. */
    @Override
    public long bytes() {
      return elements * (4 * Float.BYTES + memory.dtype.bytes());
    }

    @Override
    void step(int number) {
      Sgd.run(tensors, settings, MaskMode.GRADIENT, Clipping.NONE, memory.stream());
    }
  }
}
