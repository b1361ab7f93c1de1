package dev.lotus.backbone;

import dev.lotus.device.NativeScope;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The statistics that a backbone's BatchNorm layers take of runs of rows: so one process normalises
 * as many do that have a part of the batch each ("ghost batches", Hoffer et al., NeurIPS 2017).
 */
final class ShardStatistics {
  /** Of one pass, and where the layer at work leaves those of a run. */
  private final List<Tensor> passes = new ArrayList<>();

  private int[] rows;
  private int channels;
  private Tensor scratch;

  /** Room for a layer's means and variances; its place is their beginning. */
  int place(int layerChannels) {
    int place = channels;
    channels += 2 * layerChannels;
    return place;
  }

  boolean any() {
    return channels > 0;
  }

  /** Null = off. */
  void rows(int[] runs) {
    rows = runs;
  }

  boolean active() {
    return rows != null;
  }

  /** A pass begins. */
  void begin(Tensor images) {
    try (PointerScope scope = new PointerScope()) {
      if (scratch == null || scratch.is_cuda() != images.is_cuda()) {
        close();
        scratch = zeros(images);
      }
      passes.add(zeros(images));
    }
  }

  private Tensor zeros(Tensor like) {
    return NativeScope.own(torch.zeros(new long[] {channels}, like.options()));
  }

  /**
   * Normalises run by run.
   *
   * @param place the layer's
   * @param normalise of a run, leaving its mean and its variance, without a divisor's bias, in the
   *     tensor [2, channels] that is given
   */
  Tensor apply(
      int place, int layerChannels, Tensor y, BiFunction<Tensor, Tensor, Tensor> normalise) {
    Tensor left = scratch.narrow(0, place, 2L * layerChannels).view(2, layerChannels);
    Tensor sums =
        passes.get(passes.size() - 1).narrow(0, place, 2L * layerChannels).view(2, layerChannels);
    if (rows.length == 1) {
      Tensor all = normalise.apply(y, left);
      sums.add_(left);
      return all;
    }
    TensorVector normalised = new TensorVector();
    long from = 0;
    for (int run : rows) {
      normalised.push_back(normalise.apply(y.narrow(0, from, run), left));
      sums.add_(left);
      from += run;
    }
    return torch.cat(normalised, 0);
  }

  /** The passes' sums, now the innermost scope's. */
  List<Tensor> take() {
    List<Tensor> taken = List.copyOf(passes);
    passes.clear();
    for (Tensor sums : taken) {
      PointerScope.getInnerScope().attach(sums);
      NativeScope.release(sums);
    }
    return taken;
  }

  /** Zeros as an entry of {@link #take} has them, owned by the caller's scope. */
  Tensor none(Tensor like) {
    return torch.zeros(new long[] {channels}, like.options());
  }

  void close() {
    passes.forEach(NativeScope::release);
    passes.clear();
    if (scratch != null) {
      NativeScope.release(scratch);
      scratch = null;
    }
  }
}
