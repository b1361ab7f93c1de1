package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.CrossEntropy;
import dev.lotus.kernel.CrossEntropy.Options;
import dev.lotus.kernel.CrossEntropy.Output;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.Matrix;
import java.util.List;
import java.util.function.IntConsumer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Cross entropy with its gradient and the correct count; eager: loss, autograd, argmax. */
final class CrossEntropyBenchmark extends LogitsBenchmark {
  private final List<Tensor> logits = leaves(logits(1));
  private final List<Tensor> gradients = outputs();
  private final List<Matrix> matrices = matrices(logits);
  private final List<Output> outputs;
  private final Tensor losses;
  private final Tensor labels;
  private final Tensor correct;
  private final LongPointer labelPointer;
  private CudnnSoftmax cudnn;

  CrossEntropyBenchmark(BenchShape shape, BenchMemory memory) {
    super(shape, memory, 2);
    losses = memory.zeros(ScalarType.Float, rows);
    labels = memory.labels(cols, rows);
    correct = memory.zeros(ScalarType.Long, 1);
    labelPointer = BenchMemory.longs(labels);
    outputs =
        gradients.stream()
            .map(
                g ->
                    new Output(
                        BenchMemory.longs(correct),
                        BenchMemory.floats(losses),
                        memory.matrix(g),
                        1f / rows,
                        null))
            .toList();
  }

  @Override
  public long bytes() {
    return 2 * matrixBytes() + rows * (Float.BYTES + Long.BYTES);
  }

  @Override
  public void fused(int turn) {
    CrossEntropy.run(at(matrices, turn), labelPointer, Options.PLAIN, at(outputs, turn), stream);
  }

  @Override
  public List<Peer> peers() {
    Peer eager = new Peer("eager", turn -> scoped(turn));
    if (!logits.get(0).is_cuda() || memory.dtype != DType.FLOAT32) {
      return List.of(eager);
    }
    return List.of(eager, new Peer("cudnn", cudnnSoftmax()));
  }

  /** Log-softmax and its backward pass from the labels' gradient, which is made beforehand. */
  private IntConsumer cudnnSoftmax() {
    cudnn = new CudnnSoftmax(Math.toIntExact(rows), Math.toIntExact(cols));
    Tensor logP = memory.zeros(ScalarType.Float, rows, cols);
    Tensor towards = memory.zeros(ScalarType.Float, rows, cols);
    try (NativeScope scope = new NativeScope()) {
      towards.scatter_(1, labels.view(rows, 1), new Scalar(-1.0 / rows));
    }
    return turn -> {
      cudnn.forward(at(logits, turn).data_ptr(), logP.data_ptr());
      cudnn.backward(logP.data_ptr(), towards.data_ptr(), at(gradients, turn).data_ptr());
    };
  }

  @Override
  public void close() {
    if (cudnn != null) {
      cudnn.close();
    }
    super.close();
  }

  private void scoped(int turn) {
    try (NativeScope scope = new NativeScope()) {
      eager(turn);
    }
  }

  /** Mean loss and correct count. */
  private Tensor[] eager(int turn) {
    Tensor x = at(logits, turn);
    x.mutable_grad().reset();
    Tensor loss = torch.cross_entropy_loss(x, labels);
    loss.backward();
    return new Tensor[] {loss, EvaluateLogitsBenchmark.correct(x.detach(), labels)};
  }

  @Override
  public List<Agreement> agreements() {
    try (NativeScope scope = new NativeScope()) {
      Tensor[] expected = eager(0);
      correct.zero_();
      fused(0);
      double tolerance = memory.tolerance();
      return List.of(
          new Agreement(
              "gradient",
              BenchMemory.values(gradients.get(0)),
              BenchMemory.values(logits.get(0).grad()),
              tolerance),
          new Agreement(
              "loss",
              BenchMemory.values(losses.mean()),
              BenchMemory.values(expected[0]),
              tolerance),
          new Agreement(
              "correct", BenchMemory.values(correct), BenchMemory.values(expected[1]), 0));
    }
  }
}
