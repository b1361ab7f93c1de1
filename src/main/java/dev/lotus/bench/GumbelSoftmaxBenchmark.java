package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.GumbelCrossEntropy.Noise;
import dev.lotus.kernel.GumbelSoftmax;
import dev.lotus.kernel.GumbelSoftmax.Sample;
import dev.lotus.kernel.Matrix;
import dev.lotus.kernel.Philox;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Soft samples with noise made inside; eager as PyTorch's gumbel_softmax. */
final class GumbelSoftmaxBenchmark extends LogitsBenchmark {
  private static final double TAU = 2.05;

  private final List<Tensor> logits = logits(2);
  private final List<Tensor> outputs = outputs();
  private final List<Matrix> matrices = matrices(logits);
  private final List<Matrix> targets = matrices(outputs);

  GumbelSoftmaxBenchmark(BenchShape shape, BenchMemory memory) {
    super(shape, memory, 2);
  }

  @Override
  public long bytes() {
    return 2 * matrixBytes();
  }

  @Override
  public double floorMicros(Ceilings ceilings) {
    double arithmetic = rows * cols * (ceilings.drawMicros() + ceilings.exponentialMicros());
    return floor(ceilings, arithmetic);
  }

  @Override
  public void fused(int turn) {
    fused(turn, Noise.of(7, turn));
  }

  private void fused(int turn, Noise noise) {
    GumbelSoftmax.run(
        at(matrices, turn),
        TAU,
        Sample.SOFT,
        noise,
        Philox.FORGET_TARGET,
        at(targets, turn),
        null,
        stream);
  }

  @Override
  public List<Peer> peers() {
    return List.of(
        new Peer(
            "eager",
            turn -> {
              try (NativeScope scope = new NativeScope()) {
                Tensor x = at(logits, turn);
                ComposedLoss.soft(x, ComposedLoss.noise(x), TAU);
              }
            }));
  }

  @Override
  public List<Agreement> agreements() {
    try (NativeScope scope = new NativeScope()) {
      Tensor noise = ComposedLoss.noise(logits.get(0));
      Tensor ready = noise.to(ScalarType.Float);
      fused(0, new Noise(0, 0, null, memory.matrix(ready, DType.FLOAT32)));
      Tensor expected = ComposedLoss.soft(logits.get(0), noise, TAU);
      return List.of(
          new Agreement(
              "sample",
              BenchMemory.values(outputs.get(0)),
              BenchMemory.values(expected),
              memory.tolerance()));
    }
  }
}
