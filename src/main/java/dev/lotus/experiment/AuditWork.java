package dev.lotus.experiment;

import dev.lotus.backbone.Backbone;
import dev.lotus.experiment.AuditPlan.Shadow;
import dev.lotus.experiment.AuditPlan.Unlearned;
import dev.lotus.report.EpochTrace;
import dev.lotus.unlearn.Confidences;
import dev.lotus.unlearn.Relearning;
import dev.lotus.unlearn.TrainLoop;
import dev.lotus.unlearn.UnlearnData;
import dev.lotus.unlearn.UnlearnLoop;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * Makes the shadow models of a cell, and asks all its models what attacks compare. Confidences are
 * kept, a number a sample, and not computed again: whatever is done with them after an interruption
 * is done with the same bits.
 */
final class AuditWork {
  private final Plan.Cell cell;
  private final ItemStore store;
  private final Consumer<String> note;
  private final CellModels models;

  AuditWork(Plan.Cell cell, ItemStore store, Consumer<String> note) {
    this.cell = cell;
    this.store = store;
    this.note = note;
    this.models = new CellModels(cell, store);
  }

  /** Trains a shadow model; its weights are kept for the methods that are to unlearn from it. */
  void train(Shadow shadow) {
    UnlearnData data = shadow.data(cell.data(), cell.data().split());
    try (Backbone model = models.start(shadow.training().seed())) {
      TrainLoop.Result made =
          new TrainLoop(cell.engine(), shadow.training())
              .tune(
                  model,
                  data.dataset().train(),
                  concat(data.split().forget(), data.split().retain()),
                  this::tell,
                  models.checkpoints(shadow.item(), note));
      Map<String, String> configuration = CellModels.settings(shadow.training());
      configuration.put("on", "retain, half of forget, half of test");
      models.write(
          shadow.item(),
          model,
          new CellModels.Making(
              "train",
              null,
              shadow.training().seed(),
              configuration,
              cell.data().dataset(),
              "training",
              made.seconds(),
              made.trace()));
      answer(shadow.item(), model);
    }
  }

  /** Makes a shadow model unlearn; once asked, its weights are of no more use. */
  void unlearn(Unlearned run) {
    UnlearnData data = run.shadow().data(run.data(), cell.data().split());
    try (Backbone shadow = models.open(run.shadow().item())) {
      UnlearnLoop.Result result =
          new UnlearnLoop(cell.engine(), run.config())
              .run(shadow, data, this::tell, models.checkpoints(run.item(), note));
      try (Backbone model = result.model()) {
        models.record(
            run.item(),
            model,
            new CellModels.Making(
                "unlearn",
                run.config().method(),
                run.config().seed(),
                CellModels.settings(run.config(), run.unseen()),
                run.data().dataset(),
                "unlearning",
                result.seconds(),
                result.trace()));
        answer(run.item(), model);
      }
    }
  }

  private static int[] concat(int[] first, int[] second) {
    return IntStream.concat(IntStream.of(first), IntStream.of(second)).toArray();
  }

  /** Keeps the confidences of a finished model. */
  void answer(WorkItem item) {
    try (Backbone model = models.open(item)) {
      answer(item, model);
    }
  }

  private void answer(WorkItem item, Backbone model) {
    store.keep(Task.ANSWER, item, cell, Confidences.of(cell.engine(), model, cell.data()));
  }

  /** Keeps the epochs of relearning of the gold model or an unlearned one. */
  void relearn(WorkItem item, long seed) {
    double goal = store.scores(cell.original(), cell.splitSha256()).readMetrics().accForget();
    Relearning relearning = new Relearning(cell.engine(), cell.data(), goal, seed);
    try (Backbone model = models.open(item)) {
      store.keep(
          Task.RELEARN,
          item,
          cell,
          new Relearned(relearning.onForget(model), relearning.onRetain(model)));
    }
  }

  /**
   * @param forget epochs of training on the forget set
   * @param retain epochs of training on retain data only
   */
  record Relearned(int forget, int retain) {}

  private void tell(EpochTrace epoch) {
    note.accept(epoch.line());
  }
}
