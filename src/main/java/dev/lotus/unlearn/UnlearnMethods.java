package dev.lotus.unlearn;

import dev.lotus.device.InputException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** The methods by their names on the command line, with their published hyper-parameters. */
public final class UnlearnMethods {
  /**
   * A line of the list.
   *
   * @param learningRate the published default
   * @param weightDecay the published default
   */
  public record Entry(double learningRate, double weightDecay, Factory factory) {}

  /** Makes a method for one run. */
  public interface Factory {
    UnlearnMethod create(UnlearnConfig config);
  }

  private static final Map<String, Entry> ENTRIES = new LinkedHashMap<>();

  static {
    ENTRIES.put("lotus", new Entry(1e-4, 5e-4, Lotus::new));
    ENTRIES.put("finetune", new Entry(1e-3, 5e-4, config -> new Finetune()));
  }

  private UnlearnMethods() {}

  public static Set<String> names() {
    return ENTRIES.keySet();
  }

  /**
   * @throws InputException if there is no such method
   */
  public static Entry entry(String name) {
    Entry entry = ENTRIES.get(name);
    if (entry == null) {
      throw new InputException(
          "--method " + name + ": there are " + String.join(", ", ENTRIES.keySet()));
    }
    return entry;
  }
}
