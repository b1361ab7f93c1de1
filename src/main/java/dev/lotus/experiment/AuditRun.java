package dev.lotus.experiment;

import java.util.function.Consumer;

/**
 * The audit of a cell, once its models are made and scored: shadow models, what each method makes
 * of them, and what is asked of the models themselves. The attacks are computed with the results,
 * from what is kept here.
 */
final class AuditRun {
  private final Plan.Cell cell;
  private final ItemStore store;
  private final Steps steps;
  private final AuditWork work;

  AuditRun(Plan.Cell cell, ItemStore store, Steps steps, Consumer<String> note) {
    this.cell = cell;
    this.store = store;
    this.steps = steps;
    this.work = new AuditWork(cell, store, note);
  }

  void run() {
    for (AuditPlan.Shadow shadow : cell.audit().shadows()) {
      String reason = steps.make(cell, shadow.item(), () -> work.train(shadow));
      steps.record(cell, shadow.name(), null, shadow.item(), reason);
    }
    for (AuditPlan.Unlearned run : cell.audit().unlearned()) {
      String reason = "it needs shadow model " + run.shadow().number() + ", which failed";
      if (store.finished(run.shadow().item())) {
        reason = steps.make(cell, run.item(), () -> work.unlearn(run));
      } else {
        steps.skip(Task.MAKE, run.item(), cell);
      }
      steps.record(cell, run.name(), null, run.item(), reason);
    }
    ask("Original", null, cell.original(), null);
    if (cell.gold() != null) {
      ask("Gold", null, cell.gold(), cell.seed());
    }
    for (Plan.Unlearning run : cell.runs()) {
      long seed = run.config().seed();
      ask(run.method().name(), seed, run.item(), seed);
    }
  }

  /**
   * @param relearningSeed null where the model need not relearn: it is what the others are compared
   *     with
   */
  private void ask(String row, Long seed, WorkItem item, Long relearningSeed) {
    ask(Task.ANSWER, row, seed, item, () -> work.answer(item));
    if (cell.audit().relearn() && relearningSeed != null) {
      ask(Task.RELEARN, row, seed, item, () -> work.relearn(item, relearningSeed));
    }
  }

  private void ask(Task task, String row, Long seed, WorkItem item, Runnable action) {
    if (steps.failed(item) || !store.finished(item) || store.kept(task, item, cell)) {
      steps.skip(task, item, cell);
    } else {
      steps.record(cell, row, seed, item, steps.step(task, cell, item, action));
    }
  }

  /** Leaves everything out: there is no original to ask about. */
  static void skip(Plan.Cell cell, Steps steps) {
    cell.audit().shadows().forEach(shadow -> steps.skip(Task.MAKE, shadow.item(), cell));
    cell.audit().unlearned().forEach(run -> steps.skip(Task.MAKE, run.item(), cell));
    WorkClock.audited(cell)
        .forEach(
            item -> {
              steps.skip(Task.ANSWER, item, cell);
              steps.skip(Task.RELEARN, item, cell);
            });
  }
}
