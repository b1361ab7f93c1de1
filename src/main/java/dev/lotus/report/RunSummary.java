package dev.lotus.report;

import dev.lotus.metric.Metrics;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * One model, as plain data. Null or empty where something does not apply.
 *
 * @param name as readers shall see it: Original, Retrained, LoTUS, Finetune
 * @param role what the model is to the others
 * @param metrics its metrics
 * @param trace one entry an epoch, in order
 * @param entropiesBefore entropy histogram by set ({@link #SETS}) of the model it started from
 * @param entropiesAfter the same of the model itself
 * @param phaseSeconds wall time by phase, in order
 * @param configuration settings by name, in order
 */
public record RunSummary(
    String name,
    Role role,
    Metrics metrics,
    List<EpochTrace> trace,
    Map<String, Histogram> entropiesBefore,
    Map<String, Histogram> entropiesAfter,
    Map<String, Double> phaseSeconds,
    Map<String, String> configuration) {

  /** Sets an entropy histogram can be of, in the order they are drawn. */
  public static final List<String> SETS = List.of("retain", "test", "forget");

  /** What a model is to the others. */
  public enum Role {
    /** Trained without the forget set: the gold standard every gap is taken to. */
    RETRAINED,
    /** Trained on everything: where unlearning starts. */
    ORIGINAL,
    /** Made from the original by an unlearning method. */
    UNLEARNED
  }

  /**
   * @throws IllegalArgumentException where a histogram is of no set in {@link #SETS}
   */
  public RunSummary {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(role, "role");
    Objects.requireNonNull(metrics, "metrics");
    trace = trace == null ? List.of() : List.copyOf(trace);
    entropiesBefore = ordered(entropiesBefore);
    entropiesAfter = ordered(entropiesAfter);
    phaseSeconds = ordered(phaseSeconds);
    configuration = ordered(configuration);
    for (Map<String, Histogram> map : List.of(entropiesBefore, entropiesAfter)) {
      for (String set : map.keySet()) {
        if (!SETS.contains(set)) {
          throw new IllegalArgumentException("entropies of \"" + set + "\": sets are " + SETS);
        }
      }
    }
  }

  private static <V> Map<String, V> ordered(Map<String, V> map) {
    return Collections.unmodifiableMap(
        map == null ? new LinkedHashMap<>() : new LinkedHashMap<>(map));
  }
}
