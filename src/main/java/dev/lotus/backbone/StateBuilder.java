package dev.lotus.backbone;

import dev.lotus.device.NativeScope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Collects a backbone's tensors under their published names while its layers are made. The tensors
 * are fp32 zeros on the CPU, owned outside of every scope.
 */
final class StateBuilder {
  private final LinkedHashMap<String, Tensor> byName = new LinkedHashMap<>();
  private final List<Tensor> parameters = new ArrayList<>();
  private final List<String> counters = new ArrayList<>();
  private final List<Layers.BatchNorm> normalisations = new ArrayList<>();
  private final ShardStatistics statistics = new ShardStatistics();
  private final List<Pointer> owned = new ArrayList<>();
  private final Order order = new Order();

  /** What the layers look up at each pass: the order that their backbone computes in. */
  static final class Order {
    private boolean channelsLast;

    boolean channelsLast() {
      return channelsLast;
    }

    void channelsLast(boolean on) {
      channelsLast = on;
    }
  }

  /**
   * A backbone's tensors, and what else of native memory its layers keep.
   *
   * @param byName all, in the published order
   * @param parameters the trainable ones among them
   * @param counters int64 [number of BatchNorm layers] on the CPU: {@code num_batches_tracked} of
   *     all layers
   * @param one the number one, kept because every training step adds it
   * @param normalisations the layers that may keep folded weights
   * @param order shared with the layers
   * @param statistics of runs of rows, where BatchNorm takes those
   * @param owned everything else native of this backbone
   */
  record State(
      LinkedHashMap<String, Tensor> byName,
      List<Tensor> parameters,
      Tensor counters,
      Scalar one,
      List<Layers.BatchNorm> normalisations,
      Order order,
      ShardStatistics statistics,
      List<Pointer> owned)
      implements AutoCloseable {
    /**
     * Counts one more training batch: one operation for all layers, each of whose counters is a
     * view.
     */
    void countBatch() {
      counters.add_(one);
    }

    /** Forgets what was prepared from the weights. */
    void thaw() {
      normalisations.forEach(Layers.BatchNorm::thaw);
    }

    @Override
    public void close() {
      thaw();
      statistics.close();
      owned.forEach(NativeScope::release);
      owned.clear();
    }
  }

  Tensor parameter(String name, long... shape) {
    Tensor tensor = zeros(ScalarType.Float, shape);
    tensor.set_requires_grad(true);
    byName.put(name, tensor);
    parameters.add(tensor);
    return tensor;
  }

  Tensor buffer(String name, long... shape) {
    Tensor tensor = zeros(ScalarType.Float, shape);
    byName.put(name, tensor);
    return tensor;
  }

  void counter(String name) {
    byName.put(name, null);
    counters.add(name);
  }

  ShardStatistics statistics() {
    return statistics;
  }

  void normalisation(Layers.BatchNorm layer) {
    normalisations.add(layer);
  }

  Order order() {
    return order;
  }

  /** Keeps {@code pointer} until the backbone is closed. */
  <P extends Pointer> P own(P pointer) {
    owned.add(NativeScope.own(pointer));
    return pointer;
  }

  State build() {
    Tensor all = zeros(ScalarType.Long, counters.size());
    for (int i = 0; i < counters.size(); i++) {
      byName.put(counters.get(i), own(all.select(0, i)));
    }
    return new State(
        byName,
        List.copyOf(parameters),
        all,
        own(new Scalar(1L)),
        normalisations,
        order,
        statistics,
        owned);
  }

  private Tensor zeros(ScalarType type, long... shape) {
    try (PointerScope scope = new PointerScope()) {
      return own(torch.torch_zeros(shape, new TensorOptions(type)));
    }
  }
}
