package dev.lotus.experiment;

import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.backbone.KeyLayout;
import dev.lotus.data.Checksum;
import dev.lotus.data.Dataset;
import dev.lotus.device.InputException;
import dev.lotus.report.EpochTrace;
import dev.lotus.report.RunFolder;
import dev.lotus.unlearn.OptionWords;
import dev.lotus.unlearn.RunCheckpoints;
import dev.lotus.unlearn.RunFiles;
import dev.lotus.unlearn.RunIdentity;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UpstreamQuirk;
import java.lang.reflect.RecordComponent;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/** How the models of a cell begin, are read back, and are kept with the record of their making. */
final class CellModels {
  private static final double CHECKPOINT_SECONDS = 60;

  private final Plan.Cell cell;
  private final ItemStore store;

  CellModels(Plan.Cell cell, ItemStore store) {
    this.cell = cell;
    this.store = store;
  }

  /**
   * How a model was made; see {@link dev.lotus.report.RunRecord}.
   *
   * @param method null where it was trained
   * @param seconds the phase took
   */
  record Making(
      String command,
      String method,
      long seed,
      Map<String, String> configuration,
      Dataset data,
      String phase,
      double seconds,
      List<EpochTrace> trace) {}

  /** The model before its training: with drawn weights, or given ones. */
  Backbone start(long seed) {
    Dataset dataset = cell.data().dataset();
    if (cell.weights() == null) {
      Backbone model = Backbones.create(cell.arch());
      model.initialise(seed);
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
                seed));
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

  /**
   * Of a model's making: one that was interrupted goes on in its middle.
   *
   * @param note is told what it goes on from
   */
  RunCheckpoints checkpoints(WorkItem item, Consumer<String> note) {
    return new RunCheckpoints(
            store.folder(item).path(),
            RunIdentity.of(Map.of("item (SHA-256)", item.sha256())),
            cell.engine().device(),
            CHECKPOINT_SECONDS,
            note)
        .of(cell.engine().group())
        .findUsable();
  }

  /** A finished model. */
  Backbone open(WorkItem item) {
    return Backbones.openFitted(store.folder(item).model(), new Backbones.Wanted(null, 0, 0, 0, 0))
        .backbone();
  }

  /** Keeps a model's weights and its record. */
  void write(WorkItem item, Backbone model, Making making) {
    RunFiles.save(store.folder(item), model, KeyLayout.LOTUS, null);
    record(item, model, making);
  }

  /** Keeps the record of a model whose weights nobody needs any more. */
  void record(WorkItem item, Backbone model, Making making) {
    Map<String, String> configuration = new LinkedHashMap<>(making.configuration());
    configuration.put("precision", cell.engine().precision().toString());
    RunFolder folder = store.folder(item);
    folder.write(
        RunFiles.record(
            making.command(),
            making.method(),
            making.seed(),
            cell.engine(),
            model,
            configuration,
            making.data(),
            item.kind() == WorkItem.Kind.ORIGINAL
                ? null
                : Checksum.ofFile(store.splitFile(cell.splitSha256())),
            null,
            Map.of(making.phase(), making.seconds()),
            making.trace()));
  }

  /** Every setting of a run, with its quirks and the source of its unseen data. */
  static Map<String, String> settings(UnlearnConfig config, String unseen) {
    Map<String, String> settings = settings(config);
    if (!config.quirks().isEmpty()) {
      settings.put(RunFiles.QUIRKS, UpstreamQuirk.names(config.quirks()));
    }
    if (unseen != null) {
      settings.put("unseen", unseen);
    }
    return settings;
  }

  /** Every component of a configuration by its name on the command line. */
  static Map<String, String> settings(Record configuration) {
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
}
