package dev.lotus.experiment;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.Dataset;
import dev.lotus.data.ImageSet;
import dev.lotus.load.Augmentation;
import dev.lotus.load.EpochOrder;
import dev.lotus.metric.Metrics;
import dev.lotus.report.EpochTrace;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunRecord;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.ModelScores;
import dev.lotus.unlearn.RunCheckpoints;
import dev.lotus.unlearn.RunFiles;
import dev.lotus.unlearn.TrainLoop;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnLoop;
import dev.lotus.unlearn.UpstreamQuirk;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Makes and scores the models of one cell. Models are always read back from their files, so that a
 * run which goes on after an interruption computes with the same bits.
 */
final class CellWork implements AutoCloseable {
  private final Plan.Cell cell;
  private final ItemStore store;
  private final ItemTracking tracking;
  private final Consumer<String> note;
  private final CellModels models;
  private Backbone original;
  private ModelScores originalScores;
  private ModelScores goldScores;
  private final Map<String, ModelScores> augmentedGold = new HashMap<>();

  CellWork(Plan.Cell cell, ItemStore store, ItemTracking tracking, Consumer<String> note) {
    this.cell = cell;
    this.store = store;
    this.tracking = tracking;
    this.note = note;
    this.models = new CellModels(cell, store);
  }

  /** Trains the original, or the gold model, which never sees D_f. */
  void train(WorkItem item) {
    boolean gold = item.kind() == WorkItem.Kind.GOLD;
    Dataset dataset = cell.data().dataset();
    ImageSet images = dataset.train();
    try (Backbone model = models.start(cell.seed())) {
      Engine engine = cell.engine();
      Map<String, String> configuration =
          cell.training() == null ? new LinkedHashMap<>() : CellModels.settings(cell.training());
      configuration.put("on", gold ? "retain" : "train");
      RunCheckpoints checkpoints =
          cell.training() == null ? RunCheckpoints.NONE : models.checkpoints(item, note);
      Consumer<EpochTrace> told = told(item, configuration, checkpoints);
      List<EpochTrace> trace = List.of();
      double seconds = 0;
      if (cell.training() != null) {
        int[] indices =
            gold ? cell.data().split().retain() : EpochOrder.all(images.size()).indices();
        TrainLoop.Result made =
            new TrainLoop(engine, cell.training()).tune(model, images, indices, told, checkpoints);
        trace = made.trace();
        seconds = made.seconds();
      }
      models.write(
          item,
          model,
          new CellModels.Making(
              "train", null, cell.seed(), configuration, dataset, "training", seconds, trace));
    }
  }

  /** Unlearns from the cell's original. */
  void unlearn(Plan.Unlearning run) {
    Map<String, String> configuration = CellModels.settings(run.config(), run.method().unseen());
    RunCheckpoints checkpoints = models.checkpoints(run.item(), note);
    Consumer<EpochTrace> told = told(run.item(), configuration, checkpoints);
    UnlearnLoop.Result result =
        new UnlearnLoop(cell.engine(), run.config()).run(original(), run.data(), told, checkpoints);
    try (Backbone model = result.model()) {
      models.write(
          run.item(),
          model,
          new CellModels.Making(
              "unlearn",
              run.config().method(),
              run.config().seed(),
              configuration,
              run.data().dataset(),
              "unlearning",
              result.seconds(),
              result.trace()));
    }
  }

  /** Scores a finished model; original and gold are evaluated once a cell, if they are needed. */
  void score(WorkItem item) {
    RunFolder folder = store.scores(item, cell.splitSha256());
    ModelScores scores;
    ModelScores reference = null;
    switch (item.kind()) {
      case ORIGINAL -> {
        scores = originalScores();
        reference = goldScores();
      }
      case GOLD -> scores = goldScores();
      default -> {
        UnlearnConfig config = config(item);
        scores = unlearnedScores(item, config);
        reference = goldScores(config);
      }
    }
    RunRecord run = store.folder(item).readRun();
    double seconds = run.phaseSeconds().values().stream().mapToDouble(s -> s).sum();
    Metrics metrics =
        scores.metrics(
            originalScores().evaluation().test(),
            reference,
            cell.training() == null && item.kind() == WorkItem.Kind.ORIGINAL ? null : seconds);
    folder.write(metrics);
    store.finishScores(
        item,
        folder,
        WorkClock.scoreSha256(cell, item, hasGold()),
        RunFiles.histograms(scores.evaluation()));
    tracking.scored(item, cell.splitSha256(), run.configuration(), metrics);
  }

  private ModelScores originalScores() {
    if (originalScores == null) {
      cell.engine().place(original());
      originalScores = ModelScores.of(cell.engine(), original(), cell.data());
    }
    return originalScores;
  }

  private boolean hasGold() {
    return store.hasGold(cell);
  }

  /** Null where there is no gold model, or it could not be made. */
  private ModelScores goldScores() {
    if (goldScores == null && hasGold()) {
      goldScores = evaluate(cell.gold());
    }
    return goldScores;
  }

  /** On the pixels that a run's model is scored on: augmented ones where that asked for them. */
  private ModelScores goldScores(UnlearnConfig config) {
    if (!hasGold()
        || !config.quirks().contains(UpstreamQuirk.AUGMENTED_EVALUATION)
        || config.augmentation().equals(Augmentation.NONE)) {
      return goldScores();
    }
    String pixels = config.seed() + " " + config.epochs() + " " + config.augmentation();
    return augmentedGold.computeIfAbsent(
        pixels,
        key -> {
          try (Backbone model = models.open(cell.gold())) {
            cell.engine().place(model);
            return ModelScores.ofReference(cell.engine(), model, cell.data(), config);
          }
        });
  }

  private UnlearnConfig config(WorkItem item) {
    return cell.runs().stream()
        .filter(run -> run.item().equals(item))
        .findFirst()
        .orElseThrow()
        .config();
  }

  /** Scored in the published code's ways where its run asked for them. */
  private ModelScores unlearnedScores(WorkItem item, UnlearnConfig config) {
    try (Backbone model = models.open(item)) {
      cell.engine().place(model);
      return ModelScores.of(cell.engine(), model, cell.data(), config);
    }
  }

  private ModelScores evaluate(WorkItem item) {
    try (Backbone model = models.open(item)) {
      cell.engine().place(model);
      return ModelScores.of(cell.engine(), model, cell.data());
    }
  }

  private Backbone original() {
    if (original == null) {
      original = models.open(cell.original());
    }
    return original;
  }

  private Consumer<EpochTrace> told(
      WorkItem item, Map<String, String> configuration, RunCheckpoints checkpoints) {
    Consumer<EpochTrace> dashboards =
        tracking.begin(item, configuration, checkpoints.finishedEpochs());
    return epoch -> {
      note.accept(epoch.line());
      dashboards.accept(epoch);
    };
  }

  @Override
  public void close() {
    if (original != null) {
      original.close();
    }
  }
}
