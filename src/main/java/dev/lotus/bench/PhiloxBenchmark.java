package dev.lotus.bench;

import dev.lotus.device.ComputeDevice;
import dev.lotus.kernel.Philox;
import dev.lotus.kernel.binding.Lotus;
import java.util.List;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The raw words. libtorch's generators make others: no peer. */
final class PhiloxBenchmark extends LogitsBenchmark {
  private final List<Tensor> words = each(set -> memory.zeros(ScalarType.Int, rows, cols));

  PhiloxBenchmark(BenchShape shape, BenchMemory memory) {
    super(shape, memory, 1);
  }

  @Override
  public long bytes() {
    return Integer.BYTES * rows * cols;
  }

  @Override
  public void fused(int turn) {
    words(turn, null, at(words, turn), memory.device, stream);
  }

  /** Fills a [B, C] tensor of 32-bit words. */
  static void words(
      int step, LongPointer samples, Tensor out, ComputeDevice device, Pointer stream) {
    long cols = out.size(1);
    int status =
        Lotus.lotus_philox(
            7,
            step,
            Philox.FORGET_TARGET,
            samples,
            out.size(0),
            cols,
            BenchMemory.ints(out),
            cols,
            device.nativeIndex(),
            stream);
    if (status != Lotus.LOTUS_OK) {
      throw new IllegalStateException(Lotus.lotus_last_error().getString());
    }
  }

  @Override
  public List<Peer> peers() {
    return List.of();
  }

  @Override
  public List<Agreement> agreements() {
    return List.of();
  }
}
