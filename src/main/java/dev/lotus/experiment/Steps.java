package dev.lotus.experiment;

import dev.lotus.device.InputException;
import dev.lotus.device.ResultException;
import dev.lotus.device.TorchRuntime;
import dev.lotus.dist.WorkerGroup;
import dev.lotus.report.ExperimentResults.Failure;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/** Takes the steps of an experiment: counts and times them, and records those that fail. */
final class Steps {
  /** So far apart processes may be that fail at the same place. */
  private static final int ALIKE_SECONDS = 30;

  private final ItemStore store;
  private final ItemTracking tracking;
  private final Consumer<String> note;
  private final WorkClock clock;
  private final Map<String, String> failed = new HashMap<>();
  private final List<Failure> failures = new ArrayList<>();

  Steps(Plan plan, ItemStore store, ItemTracking tracking, Consumer<String> note) {
    this.store = store;
    this.tracking = tracking;
    this.note = note;
    this.clock = new WorkClock(plan, store);
    note.accept(
        String.format(
            Locale.ROOT,
            "%s: %d steps, %d of them done already",
            plan.spec().name(),
            clock.total(),
            clock.done()));
  }

  /** Makes a model unless it is there; returns why it failed, or null. */
  String make(Plan.Cell cell, WorkItem item, Runnable action) {
    if (store.finished(item)) {
      return null;
    }
    if (failed.containsKey(item.sha256())) {
      return failed.get(item.sha256());
    }
    return step(
        Task.MAKE,
        cell,
        item,
        () -> {
          store.begin(item);
          action.run();
          store.finish(item);
        });
  }

  /** Does what must be done; returns why it failed, or null. */
  String step(Task task, Plan.Cell cell, WorkItem item, Runnable action) {
    note.accept(
        String.format(
            Locale.ROOT,
            "[%d/%d] %s%s%s",
            clock.done() + 1,
            clock.total(),
            task.words,
            item.label(),
            clock.left()));
    long begun = System.nanoTime();
    WorkerGroup group = cell.engine().group();
    requireSameStep(group, task.words + item.label());
    String reason = group.alone() ? attempt(action) : attemptTogether(action, group);
    if (reason != null) {
      note.accept(item.label() + ": failed: " + reason);
      // A store that takes no file does not keep the others from being made.
      String unkept = attempt(() -> store.fail(item, reason));
      if (unkept != null) {
        note.accept(item.label() + ": its failure could not be recorded: " + unkept);
      }
      tracking.failed(item);
      failed.put(item.sha256(), reason);
    }
    // What rank 0 wrote, all read.
    group.meet("the end of a step");
    clock.over(task, item, cell, (System.nanoTime() - begun) / 1e9);
    return reason;
  }

  /** Returns why it failed, or null. */
  private static String attempt(Runnable action) {
    try {
      action.run();
      return null;
    } catch (RuntimeException | OutOfMemoryError | LinkageError e) {
      return words(e);
    }
  }

  private static String words(Throwable e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : TorchRuntime.firstLine(e);
  }

  /**
   * A step that failed in one process has failed in all, as where rank 0 cannot write. One that
   * fails alone in the middle of a step, and whatever is neither input nor result, ends the run.
   */
  private static String attemptTogether(Runnable action, WorkerGroup group) {
    String own = "";
    try {
      action.run();
    } catch (InputException | ResultException e) {
      own = words(e);
      List<String> all = group.exchange(own, Math.min(group.timeoutSeconds(), ALIKE_SECONDS));
      if (all == null) {
        throw e;
      }
      return first(all);
    }
    List<String> all = group.exchange(own, group.timeoutSeconds());
    if (all == null) {
      throw new InputException("the other processes did not come to the end of a step in time");
    }
    return first(all);
  }

  private static String first(List<String> all) {
    return all.stream().filter(reason -> !reason.isEmpty()).findFirst().orElse(null);
  }

  private static void requireSameStep(WorkerGroup group, String step) {
    if (!group.alone()) {
      group.meet("the next step");
      String first = group.broadcast(step, "the next step");
      if (!step.equals(first)) {
        throw new InputException(
            "rank "
                + group.rank()
                + " would go on with "
                + step
                + ", rank 0 with "
                + first
                + ": --out and --store must lie where all processes read the same files");
      }
    }
  }

  /** A step that cannot be taken, or need not. */
  void skip(Task task, WorkItem item, Plan.Cell cell) {
    clock.skipped(task, item, cell);
  }

  /** Whether a step of this model failed in this process. */
  boolean failed(WorkItem item) {
    return failed.containsKey(item.sha256());
  }

  /**
   * @param row as readers see it
   * @param seed of unlearning, or null
   * @param reason null where nothing failed
   */
  void record(Plan.Cell cell, String row, Long seed, WorkItem item, String reason) {
    if (reason != null) {
      failures.add(
          new Failure(
              cell.model().name(),
              cell.dataSpec().name(),
              row,
              cell.seed(),
              seed,
              item.id(),
              reason));
    }
  }

  List<Failure> failures() {
    return failures;
  }
}
