package dev.lotus.experiment;

import dev.lotus.metric.Metrics;
import dev.lotus.unlearn.Relearning;
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
        String key = key(step.task(), step.item(), cell);
        boolean done = done(step, cell, store);
        all.put(key, done);
        if (!done) {
          open.put(key, step.units());
        }
      }
    }
    total = all.size();
  }

  /** What there is to do about a model, and how many passes that takes. */
  private record Step(Task task, WorkItem item, double units) {}

  private static String key(Task task, WorkItem item, Plan.Cell cell) {
    return item.sha256() + (task == Task.MAKE ? "" : " " + task + " " + cell.splitSha256());
  }

  private static boolean done(Step step, Plan.Cell cell, ItemStore store) {
    WorkItem item = step.item();
    return store.finished(item)
        && switch (step.task()) {
          case MAKE -> true;
          case SCORE ->
              store.scored(
                  store.scores(item, cell.splitSha256()),
                  scoreSha256(cell, item, cell.gold() != null));
          case ANSWER, RELEARN -> store.kept(step.task(), item, cell);
        };
  }

  private static List<Step> steps(Plan.Cell cell) {
    double train = cell.data().dataset().train().size();
    double retain = cell.data().split().retain().length;
    double forget = cell.data().split().forget().length;
    double scoring = train + forget + cell.data().dataset().heldOut().size();
    double epochs = cell.training() == null ? 0 : cell.training().epochs() * TRAINING_PASSES;
    List<Step> steps = new ArrayList<>();
    steps.add(new Step(Task.MAKE, cell.original(), train * epochs));
    steps.add(new Step(Task.SCORE, cell.original(), scoring));
    if (cell.gold() != null) {
      steps.add(new Step(Task.MAKE, cell.gold(), retain * epochs));
      steps.add(new Step(Task.SCORE, cell.gold(), scoring));
    }
    for (Plan.Unlearning run : cell.runs()) {
      double units = unlearning(run.config(), forget, retain);
      steps.add(new Step(Task.MAKE, run.item(), units));
      steps.add(new Step(Task.SCORE, run.item(), scoring));
    }
    if (cell.audit() != null) {
      addAudit(steps, cell, epochs);
    }
    return steps;
  }

  private static void addAudit(List<Step> steps, Plan.Cell cell, double epochs) {
    double retain = cell.data().split().retain().length;
    double forget = cell.data().split().forget().length;
    double asked = forget + cell.data().split().test().length;
    for (AuditPlan.Shadow shadow : cell.audit().shadows()) {
      steps.add(new Step(Task.MAKE, shadow.item(), (retain + asked / 2) * epochs + asked));
    }
    for (AuditPlan.Unlearned run : cell.audit().unlearned()) {
      double units = unlearning(run.config(), asked / 2, retain);
      steps.add(new Step(Task.MAKE, run.item(), units + asked));
    }
    // At most: whoever has not forgotten is back soon.
    double relearning = Relearning.MAX_EPOCHS * (2 * forget + TRAINING_PASSES * (forget + retain));
    for (WorkItem item : audited(cell)) {
      steps.add(new Step(Task.ANSWER, item, asked));
      if (cell.audit().relearn() && item != cell.original()) {
        steps.add(new Step(Task.RELEARN, item, relearning));
      }
    }
  }

  /** The models that an audit asks. */
  static List<WorkItem> audited(Plan.Cell cell) {
    List<WorkItem> items = new ArrayList<>(List.of(cell.original()));
    if (cell.gold() != null) {
      items.add(cell.gold());
    }
    cell.runs().forEach(run -> items.add(run.item()));
    return items;
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
  void over(Task task, WorkItem item, Plan.Cell cell, double seconds) {
    Double units = open.remove(key(task, item, cell));
    if (units != null) {
      workedUnits += units;
      workedSeconds += seconds;
    }
  }

  /** A step that cannot be done, or need not: it takes no time. */
  void skipped(Task task, WorkItem item, Plan.Cell cell) {
    open.remove(key(task, item, cell));
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
