package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.dist.WorkerGroup;
import dev.lotus.report.Json;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** What rank 0 has becomes what all have. */
final class SharedState {
  /** A tensor's kind, without its values. */
  private record Kind(String name, String type, long[] shape) {}

  private record Kinds(List<Kind> tensors) {}

  private SharedState() {}

  /** The weights and buffers of a model that all processes have. */
  static void send(WorkerGroup group, Backbone model) {
    if (group.alone()) {
      return;
    }
    try (NoGradGuard noGrad = new NoGradGuard()) {
      for (Map.Entry<String, Tensor> entry : model.state().entrySet()) {
        send(group, entry.getValue(), entry.getKey());
      }
    }
  }

  /** One that lies in another order in memory goes by a copy. */
  private static void send(WorkerGroup group, Tensor tensor, String name) {
    try (PointerScope scope = new PointerScope()) {
      Tensor plain = tensor.detach();
      Tensor sent = plain.is_contiguous() ? plain : plain.contiguous();
      group.broadcast(sent, name);
      if (!plain.is_contiguous()) {
        plain.copy_(sent);
      }
    }
  }

  /**
   * Tensors that only rank 0 has.
   *
   * @param tensors rank 0's; the others' are not looked at
   * @return the same in all processes, on the CPU but in rank 0, owned by the caller's scope there
   */
  static Map<String, Tensor> send(WorkerGroup group, Map<String, Tensor> tensors) {
    if (group.alone()) {
      return tensors;
    }
    List<Kind> kinds = new ArrayList<>();
    tensors.forEach(
        (name, tensor) ->
            kinds.add(
                new Kind(name, tensor.scalar_type().intern().name(), tensor.sizes().vec().get())));
    String text = group.broadcast(Json.text(new Kinds(kinds)), "names of tensors");
    Map<String, Tensor> sent = new LinkedHashMap<>();
    for (Kind kind : Json.parse(text, Kinds.class, "rank 0").tensors()) {
      Tensor host =
          group.rank() == 0
              ? tensors.get(kind.name()).detach().cpu().contiguous()
              : torch.torch_zeros(
                  Arrays.copyOf(kind.shape(), kind.shape().length),
                  new TensorOptions(ScalarType.valueOf(kind.type())));
      group.broadcast(host, kind.name());
      sent.put(kind.name(), host);
    }
    return sent;
  }
}
