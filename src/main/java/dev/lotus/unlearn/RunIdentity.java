package dev.lotus.unlearn;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * All that decides about a run's result, by name, in the order in which differences are told.
 *
 * @param values by name
 * @param defaults what a name stands for that one of two runs does not say, as a run of a version
 *     without that option
 */
public record RunIdentity(Map<String, String> values, Map<String, String> defaults) {
  public RunIdentity {
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    defaults = Collections.unmodifiableMap(new LinkedHashMap<>(defaults));
  }

  /** Without defaults: what is not said is a difference. */
  public static RunIdentity of(Map<String, String> values) {
    return new RunIdentity(values, Map.of());
  }

  /** The same with one value more. */
  RunIdentity with(String name, String value) {
    Map<String, String> more = new LinkedHashMap<>(values);
    more.put(name, value);
    return new RunIdentity(more, defaults);
  }

  /**
   * What another run was and this one is not.
   *
   * @param was the other's values
   * @return {@code NAME was A, is B} each; empty where both are the same run
   */
  public List<String> differences(Map<String, String> was) {
    Set<String> names = new LinkedHashSet<>(was.keySet());
    names.addAll(values.keySet());
    List<String> differences = new ArrayList<>();
    for (String name : names) {
      String then = was.getOrDefault(name, defaults.get(name));
      String now = values.getOrDefault(name, defaults.get(name));
      if (!Objects.equals(then, now)) {
        differences.add(
            name
                + " was "
                + Objects.toString(then, "not said")
                + ", is "
                + Objects.toString(now, "not said"));
      }
    }
    return differences;
  }
}
