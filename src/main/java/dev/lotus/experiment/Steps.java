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
    String reason = null;
    WorkerGroup group = cell.engine().group();
    requireSameStep(group, task.words + item.label());
    try {
      action.run();
    } catch (RuntimeException | OutOfMemoryError | LinkageError e) {
      if (!group.alone() && !(e instanceof InputException || e instanceof ResultException)) {
        // Of this process alone: the others are in the middle of the step.
        throw e;
      }
      reason = e.getMessage() == null ? e.getClass().getSimpleName() : TorchRuntime.firstLine(e);
      note.accept(item.label() + ": failed: " + reason);
      store.fail(item, reason);
      tracking.failed(item);
      failed.put(item.sha256(), reason);
    }
    // What rank 0 wrote, all read.
    group.meet("the end of a step");
    clock.over(task, item, cell, (System.nanoTime() - begun) / 1e9);
    return reason;
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
