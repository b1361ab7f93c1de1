package dev.lotus.experiment;

import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.backbone.KeyLayout;
import dev.lotus.data.Checksum;
import dev.lotus.data.Dataset;
import dev.lotus.data.ImageSet;
import dev.lotus.device.InputException;
import dev.lotus.load.Augmentation;
import dev.lotus.load.EpochOrder;
import dev.lotus.metric.Metrics;
import dev.lotus.report.EpochTrace;
import dev.lotus.report.RunFolder;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.ModelScores;
import dev.lotus.unlearn.OptionWords;
import dev.lotus.unlearn.RunCheckpoints;
import dev.lotus.unlearn.RunFiles;
import dev.lotus.unlearn.TrainLoop;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnLoop;
import dev.lotus.unlearn.UpstreamQuirk;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Makes and scores the models of one cell. Models are always read back from their files, so that a
 * run which goes on after an interruption computes with the same bits.
 */
final class CellWork implements AutoCloseable {
  private static final double CHECKPOINT_SECONDS = 60;

  private final Plan.Cell cell;
  private final ItemStore store;
  private final Consumer<String> note;
  private Backbone original;
  private ModelScores originalScores;
  private ModelScores goldScores;
  private final Map<String, ModelScores> augmentedGold = new HashMap<>();

  CellWork(Plan.Cell cell, ItemStore store, Consumer<String> note) {
    this.cell = cell;
    this.store = store;
    this.note = note;
  }

  /** Trains the original, or the gold model, which never sees D_f. */
  void train(WorkItem item) {
    boolean gold = item.kind() == WorkItem.Kind.GOLD;
    Dataset dataset = cell.data().dataset();
    ImageSet images = dataset.train();
    try (Backbone model = start()) {
      Engine engine = cell.engine();
      List<EpochTrace> trace = List.of();
      double seconds = 0;
      if (cell.training() != null) {
        int[] indices =
            gold ? cell.data().split().retain() : EpochOrder.all(images.size()).indices();
        TrainLoop.Result made =
            new TrainLoop(engine, cell.training())
                .tune(model, images, indices, this::tell, checkpoints(item));
        trace = made.trace();
        seconds = made.seconds();
      }
      Map<String, String> configuration =
          cell.training() == null ? new LinkedHashMap<>() : settings(cell.training());
      configuration.put("on", gold ? "retain" : "train");
      write(
          item,
          "train",
          null,
          cell.seed(),
          model,
          configuration,
          dataset,
          "training",
          seconds,
          trace);
    }
  }

  /** An item that was interrupted goes on in its middle. */
  private RunCheckpoints checkpoints(WorkItem item) {
    return new RunCheckpoints(
            store.folder(item).path(),
            Map.of("item (SHA-256)", item.sha256()),
            cell.engine().device(),
            CHECKPOINT_SECONDS,
            note)
        .findUsable();
  }

  private Backbone start() {
    Dataset dataset = cell.data().dataset();
    if (cell.weights() == null) {
      Backbone model = Backbones.create(cell.arch());
      model.initialise(cell.seed());
      return model;
    }
    boolean newHead = cell.training() != null;
    Backbones.Opened opened =
        Backbones.openFitted(
            cell.weights(),
            new Backbones.Wanted(
                cell.model().architecture(),
                dataset.train().channels(),
                dataset.train().height(),
                newHead ? dataset.classes() : 0,
                cell.seed()));
    if (opened.backbone().arch().classes() != dataset.classes()) {
      int classes = opened.backbone().arch().classes();
      opened.backbone().close();
      throw new InputException(
          cell.weights()
              + ": the model has "
              + classes
              + " classes, data "
              + cell.dataSpec().name()
              + " have "
              + dataset.classes());
    }
    return opened.backbone();
  }

  /** Unlearns from the cell's original. */
  void unlearn(Plan.Unlearning run) {
    UnlearnLoop.Result result =
        new UnlearnLoop(cell.engine(), run.config())
            .run(original(), run.data(), this::tell, checkpoints(run.item()));
    Map<String, String> configuration = settings(run.config());
    if (!run.config().quirks().isEmpty()) {
      configuration.put(RunFiles.QUIRKS, UpstreamQuirk.names(run.config().quirks()));
    }
    if (run.method().unseen() != null) {
      configuration.put("unseen", run.method().unseen());
    }
    try (Backbone model = result.model()) {
      write(
          run.item(),
          "unlearn",
          run.config().method(),
          run.config().seed(),
          model,
          configuration,
          run.data().dataset(),
          "unlearning",
          result.seconds(),
          result.trace());
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
    double seconds =
        store.folder(item).readRun().phaseSeconds().values().stream().mapToDouble(s -> s).sum();
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
          try (Backbone model = open(cell.gold())) {
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
    try (Backbone model = open(item)) {
      cell.engine().place(model);
      return ModelScores.of(cell.engine(), model, cell.data(), config);
    }
  }

  private ModelScores evaluate(WorkItem item) {
    try (Backbone model = open(item)) {
      cell.engine().place(model);
      return ModelScores.of(cell.engine(), model, cell.data());
    }
  }

  private Backbone original() {
    if (original == null) {
      original = open(cell.original());
    }
    return original;
  }

  private Backbone open(WorkItem item) {
    Path file = store.folder(item).model();
    return Backbones.openFitted(file, new Backbones.Wanted(null, 0, 0, 0, 0)).backbone();
  }

  private void tell(EpochTrace epoch) {
    note.accept(epoch.line());
  }

  private void write(
      WorkItem item,
      String command,
      String method,
      long seed,
      Backbone model,
      Map<String, String> configuration,
      Dataset data,
      String phase,
      double seconds,
      List<EpochTrace> trace) {
    RunFolder folder = store.folder(item);
    RunFiles.save(folder, model, KeyLayout.LOTUS);
    configuration.put("precision", cell.engine().precision().toString());
    folder.write(
        RunFiles.record(
            command,
            method,
            seed,
            cell.engine(),
            model,
            configuration,
            data,
            item.kind() == WorkItem.Kind.ORIGINAL
                ? null
                : Checksum.ofFile(store.splitFile(cell.splitSha256())),
            Map.of(phase, seconds),
            trace));
  }

  /** Every component of a configuration by its name on the command line. */
  private static Map<String, String> settings(Record configuration) {
    Map<String, String> settings = new LinkedHashMap<>();
    try {
      for (RecordComponent component : configuration.getClass().getRecordComponents()) {
        Object value = component.getAccessor().invoke(configuration);
        if (value instanceof Collection<?>) {
          continue;
        }
        if (value != null) {
          String name = component.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
          settings.put(
              name, value instanceof Enum<?> word ? OptionWords.of(word) : value.toString());
        }
      }
    } catch (ReflectiveOperationException e) {
      throw new AssertionError("accessors of a public record are accessible", e);
    }
    return settings;
  }

  @Override
  public void close() {
    if (original != null) {
      original.close();
    }
  }
}
