package dev.lotus.metric;

import dev.lotus.device.InputException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Every metric that a file of stored outputs has the input of. docs/metrics.md lists the tensors'
 * names; in short {@code MODEL.SET.logits} (or {@code .probs}) and {@code SET.labels} with MODEL
 * unlearned, original or retrained and SET forget, retain, val or test; {@code MODEL.K.SET.logits}
 * for many unlearned, retrained, shadow and reference models, with {@code MODEL.K.SET.member} for
 * the last two.
 */
public final class StoredMetrics {
  private static final String[] SETS = {"forget", "retain", "val", "test"};

  private final StoredLogits file;

  private StoredMetrics(StoredLogits file) {
    this.file = file;
  }

  /**
   * The metrics by model, in the order retrained, original, unlearned; the last is always there.
   *
   * @throws InputException where tensors do not fit each other, a value is out of range, or there
   *     is nothing to compute from
   */
  public static Map<String, Metrics> of(StoredLogits file) {
    try {
      return new StoredMetrics(file).all();
    } catch (InputException e) {
      String where = file.file() + ": ";
      throw e.getMessage().startsWith(where) ? e : new InputException(where + e.getMessage(), e);
    }
  }

  private Map<String, Metrics> all() {
    Evaluation gold = evaluation("retrained");
    Evaluation original = evaluation("original");
    Evaluation unlearned = evaluation("unlearned");
    SetStatistics originalTest = original == null ? null : original.test();
    double[][] goldForget = gold == null ? null : probabilities("retrained");
    List<ShadowModel> shadows = models("shadow", true);
    List<ShadowModel> references = models("reference", false);
    Map<String, Metrics> metrics = new LinkedHashMap<>();
    if (gold != null) {
      metrics.put(
          "retrained",
          attacked("retrained", gold.metrics(originalTest, null, null, null), shadows, references));
    }
    // The file of an unlearned model carries only the original's test half: no model to judge.
    if (original != null && original.forget() != null) {
      metrics.put("original", judged("original", original, originalTest, gold, goldForget));
      metrics.computeIfPresent("original", (name, m) -> attacked(name, m, shadows, references));
    }
    Metrics last =
        unlearned == null
            ? Metrics.NONE
            : attacked(
                "unlearned",
                judged("unlearned", unlearned, originalTest, gold, goldForget),
                shadows,
                references);
    metrics.put("unlearned", forgetting(last));
    if (metrics.values().stream().allMatch(Metrics.NONE::equals)) {
      throw new InputException(
          file.file()
              + ": holds nothing to compute a metric from; name tensors as unlearned.forget.logits"
              + " and forget.labels (docs/metrics.md)");
    }
    return metrics;
  }

  private Metrics judged(
      String model,
      Evaluation evaluation,
      SetStatistics originalTest,
      Evaluation gold,
      double[][] goldForget) {
    double[][] forget = goldForget == null ? null : probabilities(model);
    if (forget != null
        && (forget.length != goldForget.length || forget[0].length != goldForget[0].length)) {
      throw file.bad(
          file.outputs(model + ".forget"),
          " is "
              + forget.length
              + " x "
              + forget[0].length
              + ", "
              + file.outputs("retrained.forget")
              + " "
              + goldForget.length
              + " x "
              + goldForget[0].length);
    }
    Evaluation.Divergences divergences =
        forget == null ? null : Evaluation.Divergences.of(forget, goldForget);
    return evaluation.metrics(originalTest, gold, divergences, null);
  }

  private Evaluation evaluation(String model) {
    SetStatistics[] sets = new SetStatistics[SETS.length];
    boolean any = false;
    for (int i = 0; i < SETS.length; i++) {
      String base = model + "." + SETS[i];
      if (file.outputs(base) != null) {
        any = true;
        boolean means = SETS[i].equals("forget") || base.equals("original.test");
        sets[i] = LogitsStatistics.of(file, base, labels(base, SETS[i]), means);
      }
    }
    return any ? new Evaluation(sets[0], sets[1], sets[2], sets[3]) : null;
  }

  /** One label a row of BASE, or null where the file has none for the set. */
  private int[] labels(String base, String set) {
    return vector(set + ".labels", base, file.classes(base));
  }

  private int[] vector(String name, String base, long below) {
    int[] values = file.integers(name, below);
    if (values != null && values.length != file.rows(base)) {
      throw file.bad(
          name,
          " has "
              + values.length
              + " values, "
              + file.outputs(base)
              + " has "
              + file.rows(base)
              + " rows");
    }
    return values;
  }

  /** Outputs on the forget set as stored (probabilities) or through the softmax; or null. */
  private double[][] probabilities(String model) {
    String base = model + ".forget";
    String name = file.outputs(base);
    if (name == null) {
      return null;
    }
    // Two such matrices are compared.
    long bytes = 2L * Double.BYTES * file.rows(base) * file.classes(base);
    if (bytes > Runtime.getRuntime().maxMemory() / 2) {
      throw file.bad(
          name,
          " needs "
              + (bytes >> 20)
              + " MB for the divergence to the retrained model: give Java more memory (-Xmx)");
    }
    boolean logits = name.endsWith(".logits");
    double[][] all = new double[file.rows(base)][];
    file.forEachRow(base, (row, values) -> all[row] = logits ? Softmax.of(values) : values.clone());
    return all;
  }

  private Metrics attacked(
      String model, Metrics metrics, List<ShadowModel> shadows, List<ShadowModel> references) {
    boolean answers =
        file.outputs(model + ".forget") != null && file.outputs(model + ".test") != null;
    if (!answers || (shadows.isEmpty() && references.isEmpty())) {
      return metrics;
    }
    double[] forget = confidences(model, "forget");
    double[] test = confidences(model, "test");
    AttackMetrics attacks = metrics.attacks();
    if (!shadows.isEmpty()) {
      attacks = attacks.with(ULira.of(forget, test, shadows));
    }
    if (!references.isEmpty()) {
      attacks = attacks.with(Rmia.of(forget, test, references, Rmia.GAMMA, Rmia.OFFLINE_A));
    }
    return metrics.with(attacks);
  }

  /** The models {@code KIND.K}; without a mask, where that is allowed, K never saw the set. */
  private List<ShadowModel> models(String kind, boolean masksNeeded) {
    List<ShadowModel> models = new ArrayList<>();
    for (int k : numbers(kind)) {
      String model = kind + "." + k;
      models.add(
          new ShadowModel(
              confidences(model, "forget"),
              mask(model + ".forget", masksNeeded),
              confidences(model, "test"),
              mask(model + ".test", masksNeeded)));
    }
    return models;
  }

  private boolean[] mask(String base, boolean needed) {
    int[] values = vector(base + ".member", base, 2);
    if (values == null && needed) {
      throw file.bad(
          base + ".member",
          " is missing: say for each sample whether the shadow model was trained on it (1) or not");
    }
    boolean[] mask = new boolean[file.rows(base)];
    for (int i = 0; values != null && i < mask.length; i++) {
      mask[i] = values[i] == 1;
    }
    return mask;
  }

  private double[] confidences(String model, String set) {
    String base = model + "." + set;
    String name = file.outputs(base);
    if (name == null) {
      throw file.bad(
          base + ".logits", " is missing: an attack needs the forget set and the test half");
    }
    int[] labels = labels(base, set);
    if (labels == null) {
      throw file.bad(set + ".labels", " is missing, and " + name + " is of use only with it");
    }
    boolean logits = name.endsWith(".logits");
    double[] confidences = new double[labels.length];
    double[] log = new double[file.classes(base)];
    file.forEachRow(
        base,
        (row, values) -> {
          for (int c = 0; c < log.length; c++) {
            log[c] = logits ? values[c] : Math.log(values[c]);
          }
          confidences[row] = Softmax.logitScaled(log, labels[row]);
        });
    return confidences;
  }

  private Metrics forgetting(Metrics metrics) {
    List<Integer> unlearned = numbers("unlearned");
    List<Integer> retrained = numbers("retrained");
    if (unlearned.isEmpty() && retrained.isEmpty()) {
      return metrics;
    }
    ForgettingScore forgetting =
        ForgettingScore.of(bank("unlearned", unlearned), bank("retrained", retrained));
    Double retain = accuracy("unlearned", unlearned, "retain");
    Double test = accuracy("unlearned", unlearned, "test");
    Double goldRetain = accuracy("retrained", retrained, "retain");
    Double goldTest = accuracy("retrained", retrained, "test");
    boolean utility = retain != null && test != null && goldRetain != null && goldTest != null;
    return metrics.with(
        metrics
            .audit()
            .with(
                forgetting,
                utility ? (Double) forgetting.score(retain, test, goldRetain, goldTest) : null));
  }

  private double[][] bank(String kind, List<Integer> numbers) {
    double[][] bank = new double[numbers.size()][];
    for (int i = 0; i < bank.length; i++) {
      bank[i] = confidences(kind + "." + numbers.get(i), "forget");
    }
    return bank;
  }

  /** Mean accuracy of the models on a set; null where one lacks it. */
  private Double accuracy(String kind, List<Integer> numbers, String set) {
    double sum = 0;
    for (int k : numbers) {
      String base = kind + "." + k + "." + set;
      int[] labels = file.outputs(base) == null ? null : labels(base, set);
      if (labels == null) {
        return null;
      }
      sum += LogitsStatistics.of(file, base, labels, false).accuracy();
    }
    return sum / numbers.size();
  }

  /** The K of all tensors {@code KIND.K.SET.*}, ascending. */
  private List<Integer> numbers(String kind) {
    Pattern pattern =
        Pattern.compile(kind + "\\.(\\d{1,9})\\.(?:forget|retain|val|test)\\.(?:logits|probs)");
    TreeSet<Integer> numbers = new TreeSet<>();
    for (String name : file.names()) {
      Matcher matcher = pattern.matcher(name);
      if (matcher.matches()) {
        numbers.add(Integer.parseInt(matcher.group(1)));
      }
    }
    return new ArrayList<>(numbers);
  }
}
