package dev.lotus.experiment;

import dev.lotus.metric.Metrics;
import dev.lotus.report.RunFolder;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnMethods;
import dev.lotus.unlearn.UpstreamQuirk;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How much of the work is done and how long the rest may take: each step is counted in passes of an
 * image through a network, and what one has taken so far in this process tells what the rest will.
 */
final class WorkClock {
  /** Forward, and backward, which costs about two forwards. */
  private static final double TRAINING_PASSES = 3;

  private final Map<String, Double> open = new LinkedHashMap<>();
  private final int total;
  private double workedUnits;
  private double workedSeconds;

  /** Counts the steps that are not finished. */
  WorkClock(Plan plan, ItemStore store) {
    Map<String, Boolean> all = new LinkedHashMap<>();
    for (Plan.Cell cell : plan.cells()) {
      for (Step step : steps(cell)) {
        boolean done =
            step.scoring()
                ? store.finished(step.item())
                    && store.scored(
                        step.folder(store, cell),
                        scoreSha256(cell, step.item(), cell.gold() != null))
                : store.finished(step.item());
        all.put(step.key(cell), done);
        if (!done) {
          open.put(step.key(cell), step.units());
        }
      }
    }
    total = all.size();
  }

  /** Making a model or scoring it. */
  record Step(WorkItem item, boolean scoring, double units) {
    String key(Plan.Cell cell) {
      return key(item, scoring, cell);
    }

    static String key(WorkItem item, boolean scoring, Plan.Cell cell) {
      return item.sha256() + (scoring ? " " + cell.splitSha256() : "");
    }

    RunFolder folder(ItemStore store, Plan.Cell cell) {
      return store.scores(item, cell.splitSha256());
    }
  }

  private static List<Step> steps(Plan.Cell cell) {
    double train = cell.data().dataset().train().size();
    double retain = cell.data().split().retain().length;
    double forget = cell.data().split().forget().length;
    double scoring = train + forget + cell.data().dataset().heldOut().size();
    double epochs = cell.training() == null ? 0 : cell.training().epochs() * TRAINING_PASSES;
    List<Step> steps = new ArrayList<>();
    steps.add(new Step(cell.original(), false, train * epochs));
    steps.add(new Step(cell.original(), true, scoring));
    if (cell.gold() != null) {
      steps.add(new Step(cell.gold(), false, retain * epochs));
      steps.add(new Step(cell.gold(), true, scoring));
    }
    for (Plan.Unlearning run : cell.runs()) {
      double units = unlearning(run.config(), forget, retain);
      steps.add(new Step(run.item(), false, units));
      steps.add(new Step(run.item(), true, scoring));
    }
    return steps;
  }

  private static double unlearning(UnlearnConfig config, double forget, double retain) {
    String method = config.method();
    if (method.equals("ssd")) {
      // Importances to D_f and to all, once.
      boolean again = config.quirks().contains(UpstreamQuirk.SSD_EVERY_EPOCH);
      return (2 * forget + retain) * TRAINING_PASSES * (again ? config.epochs() : 1);
    }
    boolean some = UnlearnMethods.has(method, "--retain-fraction");
    double images = forget + (some ? config.retainFraction() : 1) * retain;
    // One pass more an epoch: the teacher's, or the accuracy that sets the temperature.
    return images * config.epochs() * (TRAINING_PASSES + 1);
  }

  /**
   * What scores of an item depend on; other metrics than today's are other scores.
   *
   * @param withGold whether the gold model is there: without it some metrics are null
   */
  static String scoreSha256(Plan.Cell cell, WorkItem item, boolean withGold) {
    Map<String, Object> parts = new LinkedHashMap<>();
    parts.put("item", item.sha256());
    parts.put("original", cell.original().sha256());
    parts.put("gold", withGold ? cell.gold().sha256() : null);
    parts.put("split_sha256", cell.splitSha256());
    parts.put("metrics", names(Metrics.class));
    return WorkItem.hash(parts);
  }

  private static List<String> names(Class<?> metrics) {
    List<String> names = new ArrayList<>();
    for (RecordComponent component : metrics.getRecordComponents()) {
      names.add(component.getName());
      if (component.getType().isRecord()) {
        names.addAll(names(component.getType()));
      }
    }
    return names;
  }

  /** A step is over, well or not. */
  void over(WorkItem item, boolean scoring, Plan.Cell cell, double seconds) {
    Double units = open.remove(Step.key(item, scoring, cell));
    if (units != null) {
      workedUnits += units;
      workedSeconds += seconds;
    }
  }

  /** A step that cannot be done, or need not: it takes no time. */
  void skipped(WorkItem item, boolean scoring, Plan.Cell cell) {
    open.remove(Step.key(item, scoring, cell));
  }

  int done() {
    return total - open.size();
  }

  int total() {
    return total;
  }

  /** ", about 3 min left", or nothing while there is no measure. */
  String left() {
    double units = open.values().stream().mapToDouble(u -> u).sum();
    if (!(workedUnits > 0) || !(units > 0)) {
      return "";
    }
    double seconds = units * workedSeconds / workedUnits;
    return ", about "
        + (seconds < 90
            ? String.format(Locale.ROOT, "%.0f s", seconds)
            : seconds < 5400
                ? String.format(Locale.ROOT, "%.0f min", seconds / 60)
                : String.format(Locale.ROOT, "%.1f h", seconds / 3600))
        + " left";
  }
}
