package dev.lotus.unlearn;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Checkpoint;
import dev.lotus.backbone.KeyLayout;
import dev.lotus.backbone.TorchScript;
import dev.lotus.data.Dataset;
import dev.lotus.data.Normalization;
import dev.lotus.device.TorchRuntime;
import dev.lotus.metric.Evaluation;
import dev.lotus.metric.Metrics;
import dev.lotus.metric.SetStatistics;
import dev.lotus.report.EpochTrace;
import dev.lotus.report.Histogram;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunRecord;
import dev.lotus.report.RunSummary;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A model as the files of its run folder and as a summary for pages. */
public final class RunFiles {
  /** Where run.json names the quirks of a run, with commas between them. */
  public static final String QUIRKS = "upstream-quirks";

  private RunFiles() {}

  /**
   * Puts a new model into a run folder, in place of all that an earlier run left there; that stays
   * until the new model is on the disk.
   *
   * @param splitSha256 of the run's split; null without one
   */
  public static void save(RunFolder folder, Backbone model, KeyLayout layout, String splitSha256) {
    Runnable clear = () -> folder.clear(splitSha256);
    if (model instanceof TorchScript program) {
      program.save(folder.torchScript(), clear);
    } else {
      Checkpoint.save(folder.model(), model, layout, clear);
    }
  }

  /**
   * run.json of a model that was just made.
   *
   * @param initialSha256 of the weights file that its making began with; null where there was none
   */
  public static RunRecord record(
      String command,
      String method,
      long seed,
      Engine engine,
      Backbone model,
      Map<String, String> configuration,
      Dataset data,
      String splitSha256,
      String initialSha256,
      Map<String, Double> phaseSeconds,
      List<EpochTrace> trace) {
    return new RunRecord(
        RunRecord.SCHEMA,
        command,
        method,
        seed,
        engine.device().describe(),
        architecture(model.arch()),
        text(engine.normalization()),
        configuration,
        LibraryVersions.all(),
        data.sha256(),
        splitSha256,
        initialSha256,
        arithmetic(engine),
        phaseSeconds,
        trace);
  }

  /** What moves the last bits of results, beside the versions of program and libraries. */
  private static Map<String, String> arithmetic(Engine engine) {
    Map<String, String> map = new LinkedHashMap<>();
    map.put("device", engine.device().describe());
    map.put("threads", String.valueOf(TorchRuntime.threads()));
    map.put("processes", String.valueOf(engine.group().size()));
    map.put("numerics", String.valueOf(LibraryVersions.NUMERICS));
    return map;
  }

  private static Map<String, Object> architecture(Arch arch) {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("name", arch.name());
    map.put("classes", arch.classes());
    map.put("channels", arch.channels());
    map.put("width", arch.width());
    map.put("image_size", arch.imageSize());
    if (arch.isTransformer()) {
      map.put("depth", arch.depth());
      map.put("layer_norm_eps", arch.layerNormEps());
    }
    return map;
  }

  /** A normalisation in the notation of --normalize. */
  public static String text(Normalization n) {
    return numbers(n.mean()) + ":" + numbers(n.std());
  }

  private static String numbers(float[] values) {
    StringBuilder text = new StringBuilder();
    for (float value : values) {
      text.append(text.length() == 0 ? "" : ",").append(value);
    }
    return text.toString();
  }

  /** A model on the page: what it is, its metrics, and how its entropies lie before and after. */
  public static RunSummary summary(
      String name,
      RunSummary.Role role,
      Metrics metrics,
      List<EpochTrace> trace,
      ModelScores before,
      ModelScores after,
      Map<String, Double> phaseSeconds,
      Map<String, String> configuration) {
    return new RunSummary(
        name,
        role,
        metrics,
        trace,
        before == null ? Map.of() : histograms(before.evaluation()),
        histograms(after.evaluation()),
        phaseSeconds,
        configuration);
  }

  /** Entropy histogram of each set that was scored, by {@link RunSummary#SETS}. */
  public static Map<String, Histogram> histograms(Evaluation e) {
    Map<String, Histogram> sets = new LinkedHashMap<>();
    add(sets, "retain", e.retain());
    add(sets, "test", e.test());
    add(sets, "forget", e.forget());
    return sets;
  }

  private static void add(Map<String, Histogram> sets, String name, SetStatistics set) {
    if (set != null) {
      sets.put(name, Histogram.ofEntropies(set.entropy(), set.classCounts().length));
    }
  }
}
