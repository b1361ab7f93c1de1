package dev.lotus.unlearn;

import dev.lotus.device.InputException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The methods by their names on the command line, with their published hyper-parameters. */
public final class UnlearnMethods {
  /** Stands for every method where methods are named. */
  static final String ALL = "all";

  private static final Set<String> OF_RATES = Set.of("--lr", "--weight-decay");
  private static final Set<String> OF_NEGGRAD = Set.of("--lr", "--weight-decay", "--beta");
  private static final Set<String> OF_BAD_TEACHER =
      Set.of("--lr", "--weight-decay", "--retain-fraction");
  private static final Set<String> OF_LOTUS =
      Set.of(
          "--lr",
          "--weight-decay",
          "--retain-fraction",
          "--alpha",
          "--tau",
          "--accuracy-rounding",
          "--forget-target",
          "--retain-target",
          "--unseen");

  private static final Map<String, Double> SAME = Map.of();
  private static final Map<String, Double> SCRUB_DECAYS = Map.of("cifar100", 5e-4);

  /**
   * A line of the list.
   *
   * @param learningRate the published default
   * @param weightDecay the published default
   * @param weightDecays the published defaults of data sets that have another, by their names
   * @param options which of the hyper-parameters' options mean something to the method
   */
  public record Entry(
      double learningRate,
      double weightDecay,
      Map<String, Double> weightDecays,
      Set<String> options,
      Factory factory) {
    /** The published default for a data set of that name. */
    public double weightDecayOn(String dataset) {
      return weightDecays.getOrDefault(dataset, weightDecay);
    }
  }

  /** Makes a method for one run. */
  public interface Factory {
    UnlearnMethod create(UnlearnConfig config);
  }

  private static final Map<String, Entry> ENTRIES = new LinkedHashMap<>();

  static {
    ENTRIES.put("lotus", new Entry(1e-4, 5e-4, SAME, OF_LOTUS, Lotus::new));
    ENTRIES.put("finetune", new Entry(1e-3, 5e-4, SAME, OF_RATES, config -> new Finetune()));
    ENTRIES.put("neggrad+", new Entry(1e-3, 5e-4, SAME, OF_NEGGRAD, config -> new NegGradPlus()));
    ENTRIES.put("random-label", new Entry(1e-3, 5e-4, SAME, OF_RATES, config -> new RandomLabel()));
    ENTRIES.put(
        "bad-teacher", new Entry(1e-4, 0, SAME, OF_BAD_TEACHER, config -> new BadTeacher()));
    ENTRIES.put("scrub", new Entry(5e-4, 0.1, SCRUB_DECAYS, OF_RATES, config -> new Scrub()));
    ENTRIES.put("ssd", new Entry(0, 0, SAME, Set.of(), config -> new Ssd()));
    ENTRIES.put("unsir", new Entry(1e-3, 0, SAME, OF_RATES, config -> new Unsir()));
    ENTRIES.put(
        "salun", new Entry(1e-3, 5e-4, SAME, OF_RATES, config -> new SalUn(new RandomLabel())));
    ENTRIES.put(
        "salun-lotus",
        new Entry(1e-4, 5e-4, SAME, OF_LOTUS, config -> new SalUn(new Lotus(config))));
    ENTRIES.put("retrain", new Entry(0.1, 5e-4, SAME, OF_RATES, config -> new Retrain()));
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

  /** Whether a hyper-parameter's option means something to a method. */
  public static boolean has(String method, String option) {
    return entry(method).options().contains(option);
  }

  /** The methods that an option means something to. */
  public static List<String> having(String option) {
    return ENTRIES.keySet().stream().filter(method -> has(method, option)).toList();
  }

  /**
   * Refuses a hyper-parameter that means nothing to a method.
   *
   * @param option such as {@code --alpha}
   * @throws InputException naming the methods that have it
   */
  public static void requireOption(String method, String option) {
    if (!has(method, option)) {
      throw new InputException(
          option
              + ": --method "
              + method
              + " has no use for it; it belongs to "
              + String.join(", ", having(option)));
    }
  }

  /**
   * The method, which holds nothing yet that would have to be closed.
   *
   * @throws InputException where it cannot run in as many processes as the engine has
   */
  static UnlearnMethod create(Factory factory, UnlearnConfig config, Engine engine) {
    UnlearnMethod method = factory.create(config);
    boolean alone = engine.group().alone();
    if (!method.shares(config) && !(alone && engine.bnBatch() == null)) {
      throw new InputException(
          "method " + config.method() + " so set takes one process, and no --bn-batch");
    }
    if (!alone && method.batch(config) == 1) {
      throw new InputException(
          "method " + config.method() + " takes one image a step: give it one process");
    }
    return method;
  }
}
