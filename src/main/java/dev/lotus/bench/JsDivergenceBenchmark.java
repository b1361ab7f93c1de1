package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.JsDivergence;
import dev.lotus.kernel.JsDivergence.Form;
import dev.lotus.kernel.Matrix;
import java.util.List;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The textbook divergence of two matrices of logits, and the gradient of its mean. */
final class JsDivergenceBenchmark extends LogitsBenchmark {
  private final List<Tensor> p = leaves(logits(2));
  private final List<Tensor> q = logits(2);
  private final List<Matrix> pMatrices = matrices(p);
  private final List<Matrix> qMatrices = matrices(q);
  private final List<Tensor> gradients = outputs();
  private final List<Matrix> gradientMatrices = matrices(gradients);
  private final Tensor divergences;
  private final DoublePointer rowOut;
  private final DoublePointer total;

  JsDivergenceBenchmark(BenchShape shape, BenchMemory memory) {
    super(shape, memory, 3);
    divergences = memory.zeros(ScalarType.Double, rows);
    rowOut = BenchMemory.doubles(divergences);
    total = BenchMemory.doubles(memory.zeros(ScalarType.Double, 1));
  }

  @Override
  public long bytes() {
    return 3 * matrixBytes() + rows * Double.BYTES;
  }

  @Override
  public void fused(int turn) {
    JsDivergence.gradient(
        at(pMatrices, turn),
        at(qMatrices, turn),
        Form.TEXTBOOK,
        rowOut,
        total,
        null,
        at(gradientMatrices, turn),
        1,
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
                eager(turn);
              }
            }));
  }

  /** 0.5 KL(p||m) + 0.5 KL(q||m) of each row; the gradient of their mean stays at p. */
  private Tensor eager(int turn) {
    at(p, turn).mutable_grad().reset();
    Tensor a = torch.softmax(at(p, turn), 1);
    Tensor b = torch.softmax(at(q, turn), 1);
    Tensor logM = a.add(b).mul(new Scalar(0.5)).log();
    Tensor toA = a.mul(a.log().sub(logM)).sum(1);
    Tensor toB = b.mul(b.log().sub(logM)).sum(1);
    Tensor divergence = toA.add(toB).mul(new Scalar(0.5));
    divergence.mean().backward();
    return divergence;
  }

  @Override
  public List<Agreement> agreements() {
    try (NativeScope scope = new NativeScope()) {
      fused(0);
      return List.of(
          new Agreement(
              "divergence",
              BenchMemory.values(divergences),
              BenchMemory.values(eager(0)),
              memory.tolerance()),
          new Agreement(
              "gradient",
              BenchMemory.values(gradients.get(0)),
              BenchMemory.values(p.get(0).grad()),
              5 * memory.tolerance()));
    }
  }
}
