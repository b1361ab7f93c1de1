package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.JsDivergence;
import dev.lotus.kernel.JsDivergence.Form;
import dev.lotus.kernel.JsDivergence.Input;
import dev.lotus.kernel.Matrix;
import java.util.List;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The textbook divergence of two matrices of logits, a row and in total. */
final class JsDivergenceBenchmark extends LogitsBenchmark {
  private final List<Tensor> p = logits(2);
  private final List<Tensor> q = logits(2);
  private final List<Matrix> pMatrices = matrices(p);
  private final List<Matrix> qMatrices = matrices(q);
  private final Tensor divergences;
  private final DoublePointer rowOut;
  private final DoublePointer total;

  JsDivergenceBenchmark(BenchShape shape, BenchMemory memory) {
    super(shape, memory, 2);
    divergences = memory.zeros(ScalarType.Double, rows);
    rowOut = BenchMemory.doubles(divergences);
    total = BenchMemory.doubles(memory.zeros(ScalarType.Double, 1));
  }

  @Override
  public long bytes() {
    return 2 * matrixBytes() + rows * Double.BYTES;
  }

  @Override
  public void fused(int turn) {
    JsDivergence.run(
        at(pMatrices, turn),
        at(qMatrices, turn),
        Input.LOGITS,
        Form.TEXTBOOK,
        rowOut,
        total,
        null,
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
                eager(turn).mean();
              }
            }));
  }

  /** 0.5 KL(p||m) + 0.5 KL(q||m) of each row. */
  private Tensor eager(int turn) {
    Tensor a = torch.softmax(at(p, turn), 1);
    Tensor b = torch.softmax(at(q, turn), 1);
    Tensor logM = a.add(b).mul(new Scalar(0.5)).log();
    Tensor toA = a.mul(a.log().sub(logM)).sum(1);
    Tensor toB = b.mul(b.log().sub(logM)).sum(1);
    return toA.add(toB).mul(new Scalar(0.5));
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
              memory.tolerance()));
    }
  }
}
