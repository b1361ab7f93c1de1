package dev.lotus.backbone;

import dev.lotus.data.Unpickler;
import dev.lotus.device.InputException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Finds the state dict in what a training program saved, and its tensors' plain names. */
final class StateDicts {
  /** Where programs put it, in the order of preference: averaged weights last. */
  private static final List<String> PLACES =
      List.of(
          "state_dict", "model_state_dict", "model", "net", "state_dict_ema", "model_ema", "ema");

  /** What wrappers of the model put before every name. */
  private static final List<String> WRAPPERS = List.of("module.", "_orig_mod.", "model.", "net.");

  /** A counter that torch.optim.swa_utils.AveragedModel keeps beside its {@code module.}. */
  private static final String AVERAGED = "n_averaged";

  private static final int MAX_DEPTH = 4;

  private StateDicts() {}

  /**
   * The dict with tensors in it, below the usual keys or else the outermost itself (a program may
   * keep its best accuracy as a tensor beside the state dict). Its other entries (numbers, texts,
   * dicts) are left out.
   *
   * @throws InputException if there is none: lists the keys that are there
   */
  static Map<String, TensorRef> find(Object root) {
    Map<String, TensorRef> found = find(root, MAX_DEPTH);
    if (!found.isEmpty()) {
      return found;
    }
    String keys = "it is no dict";
    if (root instanceof Map<?, ?> dict) {
      keys =
          dict.isEmpty()
              ? "it is empty"
              : dict.keySet().stream()
                  .limit(8)
                  .map(key -> Unpickler.printable(String.valueOf(key)))
                  .collect(Collectors.joining(", ", "its keys are: ", ""));
    }
    throw new InputException(
        "holds no state dict with tensors, at the top or under "
            + String.join(", ", PLACES)
            + "; "
            + keys
            + "; save model.state_dict()");
  }

  private static Map<String, TensorRef> find(Object candidate, int depth) {
    Map<String, TensorRef> tensors = new LinkedHashMap<>();
    if (depth == 0 || !(candidate instanceof Map<?, ?> dict)) {
      return tensors;
    }
    for (String place : PLACES) {
      Map<String, TensorRef> nested = find(dict.get(place), depth - 1);
      if (!nested.isEmpty()) {
        return nested;
      }
    }
    dict.forEach(
        (key, value) -> {
          if (key instanceof String name && value instanceof TensorRef tensor) {
            tensors.put(name, tensor);
          }
        });
    return tensors;
  }

  /** The same entries without the wrappers' prefixes, where every name has them. */
  static <T> Map<String, T> unwrapped(Map<String, T> named) {
    Map<String, T> plain = new LinkedHashMap<>(named);
    if (named.keySet().stream().allMatch(n -> n.equals(AVERAGED) || n.startsWith("module."))) {
      plain.remove(AVERAGED);
    }
    for (int depth = 0; depth < MAX_DEPTH; depth++) {
      Map<String, T> current = plain;
      String wrapper =
          WRAPPERS.stream()
              .filter(w -> !current.isEmpty())
              .filter(w -> current.keySet().stream().allMatch(name -> name.startsWith(w)))
              .findFirst()
              .orElse(null);
      if (wrapper == null) {
        return plain;
      }
      plain = renamed(plain, name -> name.substring(wrapper.length()));
    }
    return plain;
  }

  /** The same entries under other names, in the same order. */
  static <T> Map<String, T> renamed(Map<String, T> named, Function<String, String> rename) {
    Map<String, T> others = new LinkedHashMap<>();
    named.forEach((name, value) -> others.put(rename.apply(name), value));
    return others;
  }
}
