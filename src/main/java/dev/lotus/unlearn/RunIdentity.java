package dev.lotus.unlearn;

import dev.lotus.device.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;

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

  /**
   * What the run was that left a checkpoint in a folder.
   *
   * @param notes is told of damaged ones that were passed over
   * @return its values; none where there is no checkpoint
   * @throws InputException if there are only damaged ones
   */
  public static Map<String, String> keptIn(Path folder, Consumer<String> notes) {
    try {
      CheckpointFiles.Found found = new CheckpointFiles(folder).find(notes);
      return found == null ? Map.of() : new KeptRun(found).identity();
    } catch (UnusableCheckpointException e) {
      throw new InputException(e.getMessage(), e);
    }
  }

  /** The same with one value more. */
  public RunIdentity with(String name, String value) {
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
