package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.EvaluateLogits;
import dev.lotus.kernel.EvaluateLogits.Output;
import dev.lotus.kernel.Matrix;
import java.util.List;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Correct count, loss and entropy of an evaluation, without class sums (class_means has them). */
final class EvaluateLogitsBenchmark extends LogitsBenchmark {
  private final List<Tensor> logits = logits(2);
  private final List<Matrix> matrices = matrices(logits);
  private final Tensor losses;
  private final Tensor entropies;
  private final Tensor labels;
  private final Tensor correct;
  private final LongPointer labelPointer;
  private final Output output;

  EvaluateLogitsBenchmark(BenchShape shape, BenchMemory memory) {
    super(shape, memory, 1);
    losses = memory.zeros(ScalarType.Float, rows);
    entropies = memory.zeros(ScalarType.Float, rows);
    labels = memory.labels(cols, rows);
    correct = memory.zeros(ScalarType.Long, 1);
    labelPointer = BenchMemory.longs(labels);
    output =
        new Output(
            BenchMemory.longs(correct),
            BenchMemory.floats(losses),
            BenchMemory.floats(entropies),
            null,
            null);
  }

  @Override
  public long bytes() {
    return matrixBytes() + rows * (2 * Float.BYTES + Long.BYTES);
  }

  @Override
  public void fused(int turn) {
    EvaluateLogits.run(at(matrices, turn), labelPointer, output, stream);
  }

  @Override
  public List<Peer> peers() {
    return List.of(
        new Peer(
            "eager",
            turn -> {
              try (NativeScope scope = new NativeScope()) {
                eager(at(logits, turn));
              }
            }));
  }

  /** Loss, entropy, correct count. */
  private Tensor[] eager(Tensor x) {
    Tensor logP = torch.log_softmax(x, 1);
    Tensor loss = logP.gather(1, labels.view(rows, 1)).neg();
    Tensor entropy = logP.exp().mul(logP).sum(1).neg();
    return new Tensor[] {loss, entropy, correct(x, labels)};
  }

  /** Rows whose largest logit is at the label. */
  static Tensor correct(Tensor x, Tensor labels) {
    return x.argmax(new LongOptional(1), false).eq(labels).sum();
  }

  @Override
  public List<Agreement> agreements() {
    try (NativeScope scope = new NativeScope()) {
      correct.zero_();
      fused(0);
      Tensor[] expected = eager(logits.get(0));
      double tolerance = memory.tolerance();
      return List.of(
          new Agreement(
              "loss", BenchMemory.values(losses), BenchMemory.values(expected[0]), tolerance),
          new Agreement(
              "entropy", BenchMemory.values(entropies), BenchMemory.values(expected[1]), tolerance),
          new Agreement(
              "correct", BenchMemory.values(correct), BenchMemory.values(expected[2]), 0));
    }
  }
}
