package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.ClassMeans;
import dev.lotus.kernel.EvaluateLogits.ClassSums;
import dev.lotus.kernel.Matrix;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Sums of the softmax by label: fp64 here; eager adds fp32, as one would write it. */
final class ClassMeansBenchmark extends LogitsBenchmark {
  private final List<Tensor> logits = logits(2);
  private final List<Matrix> matrices = matrices(logits);
  private final Tensor labels;
  private final LongPointer labelPointer;
  private final long present;
  private final Tensor sums;
  private final Tensor counts;
  private final Tensor peerSums;
  private final ClassSums classSums;

  ClassMeansBenchmark(BenchShape shape, BenchMemory memory) {
    super(shape, memory, 1);
    labels = memory.labels(cols, rows);
    labelPointer = BenchMemory.longs(labels);
    present = Arrays.stream(BenchMemory.values(labels)).distinct().count();
    sums = memory.zeros(ScalarType.Double, cols, cols);
    counts = memory.zeros(ScalarType.Long, cols);
    peerSums = memory.zeros(ScalarType.Float, cols, cols);
    classSums = new ClassSums(BenchMemory.doubles(sums), BenchMemory.longs(counts), null, cols);
  }

  /** The sums of a class that occurs are read and written. */
  @Override
  public long bytes() {
    return matrixBytes() + rows * Long.BYTES + present * 2 * (cols + 1) * Double.BYTES;
  }

  @Override
  public void fused(int turn) {
    ClassMeans.run(at(matrices, turn), labelPointer, classSums, null, stream);
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

  /** Sums and counts. */
  private Tensor[] eager(Tensor x) {
    Tensor p = torch.softmax(x.to(ScalarType.Float), 1);
    Tensor byCount = torch.bincount(labels, new TensorOptional(), cols);
    return new Tensor[] {peerSums.index_add_(0, labels, p), byCount};
  }

  @Override
  public List<Agreement> agreements() {
    try (NativeScope scope = new NativeScope()) {
      sums.zero_();
      peerSums.zero_();
      counts.zero_();
      fused(0);
      Tensor[] expected = eager(logits.get(0));
      return List.of(
          new Agreement("sums", BenchMemory.values(sums), BenchMemory.values(expected[0]), 2e-5),
          new Agreement("counts", BenchMemory.values(counts), BenchMemory.values(expected[1]), 0));
    }
  }
}
