package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.EntropyHistogram;
import dev.lotus.kernel.Matrix;
import java.util.List;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** How many rows' entropies fall into each bin; eager: log_softmax, a sum, histc. */
final class EntropyHistogramBenchmark extends LogitsBenchmark {
  private static final int BINS = 30;

  private final List<Tensor> logits = logits(2);
  private final List<Matrix> matrices = matrices(logits);
  private final Tensor counts;
  private final LongPointer countPointer;
  private final float high;

  EntropyHistogramBenchmark(BenchShape shape, BenchMemory memory) {
    super(shape, memory, 1);
    counts = memory.zeros(ScalarType.Long, BINS);
    countPointer = BenchMemory.longs(counts);
    high = (float) (Math.log(Math.max(2, cols)) + 0.01);
  }

  @Override
  public long bytes() {
    return matrixBytes() + 2L * BINS * Long.BYTES;
  }

  @Override
  public void fused(int turn) {
    EntropyHistogram.run(at(matrices, turn), 0, high, BINS, countPointer, null, stream);
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

  private Tensor eager(Tensor x) {
    Tensor logP = torch.log_softmax(x.to(ScalarType.Float), 1);
    Tensor entropy = logP.exp().mul(logP).sum(1).neg();
    return entropy.histc(BINS, new Scalar(0.0), new Scalar((double) high));
  }

  @Override
  public List<Agreement> agreements() {
    try (NativeScope scope = new NativeScope()) {
      counts.zero_();
      fused(0);
      return List.of(
          new Agreement(
              "counts",
              BenchMemory.values(counts),
              BenchMemory.values(eager(logits.get(0))),
              0));
    }
  }
}
