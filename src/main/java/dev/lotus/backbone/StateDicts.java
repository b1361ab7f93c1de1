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
  /** Where programs put it, in the order of preference. */
  private static final List<String> PLACES =
      List.of("state_dict", "model_state_dict", "model", "net");

  /** What wrappers of the model put before every name. */
  private static final List<String> WRAPPERS = List.of("module.", "_orig_mod.");

  private static final int MAX_DEPTH = 4;

  private StateDicts() {}

  /**
   * The dict with tensors in it: the outermost that has any, below the usual keys. Its other
   * entries (numbers, texts, dicts) are left out.
   *
   * @throws InputException if there is none: lists the keys that are there
   */
  static Map<String, TensorRef> find(Object root) {
    Object candidate = root;
    for (int depth = 0; depth < MAX_DEPTH && candidate instanceof Map<?, ?> dict; depth++) {
      Map<String, TensorRef> tensors = new LinkedHashMap<>();
      dict.forEach(
          (key, value) -> {
            if (key instanceof String name && value instanceof TensorRef tensor) {
              tensors.put(name, tensor);
            }
          });
      if (!tensors.isEmpty()) {
        return tensors;
      }
      candidate = PLACES.stream().filter(dict::containsKey).findFirst().map(dict::get).orElse(null);
    }
    String keys =
        root instanceof Map<?, ?> dict
            ? dict.keySet().stream()
                .limit(8)
                .map(key -> Unpickler.printable(String.valueOf(key)))
                .collect(Collectors.joining(", ", "its keys are: ", ""))
            : "it is no dict";
    throw new InputException(
        "holds no state dict, at the top or under " + String.join(", ", PLACES) + "; " + keys);
  }

  /** The same entries without the wrappers' prefixes, where every name has them. */
  static <T> Map<String, T> unwrapped(Map<String, T> named) {
    Map<String, T> plain = named;
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
