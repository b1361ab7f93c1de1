package dev.lotus.cli;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Checkpoint;
import dev.lotus.backbone.KeyLayout;
import dev.lotus.backbone.TorchScript;
import dev.lotus.data.Dataset;
import dev.lotus.data.Normalization;
import dev.lotus.load.Augmentation;
import dev.lotus.metric.Evaluation;
import dev.lotus.metric.Metrics;
import dev.lotus.metric.SetStatistics;
import dev.lotus.report.EpochTrace;
import dev.lotus.report.Histogram;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunRecord;
import dev.lotus.report.RunSummary;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.ModelScores;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** What the commands that make or judge models share: run.json and the page's summaries. */
final class Runs {
  private Runs() {}

  /** Puts a new model into a run folder, in place of all that an earlier run left there. */
  static void save(RunFolder folder, Backbone model, KeyLayout layout) {
    if (model instanceof TorchScript program) {
      folder.clear(folder.torchScript());
      program.save(folder.torchScript());
    } else {
      folder.clear(folder.model());
      Checkpoint.save(folder.model(), model, layout);
    }
  }

  /** run.json of a model that was just made. */
  static RunRecord record(
      String command,
      String method,
      long seed,
      Engine engine,
      Backbone model,
      Map<String, String> configuration,
      Dataset data,
      String splitSha256,
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
        Versions.all(),
        data.sha256(),
        splitSha256,
        phaseSeconds,
        trace);
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
  static String text(Normalization n) {
    return numbers(n.mean()) + ":" + numbers(n.std());
  }

  private static String numbers(float[] values) {
    StringBuilder text = new StringBuilder();
    for (float value : values) {
      text.append(text.length() == 0 ? "" : ",").append(value);
    }
    return text.toString();
  }

  /** Every option of the command with the value in force, in the command line's order. */
  static Map<String, String> configuration(
      CommandSpec spec,
      double learningRate,
      double weightDecay,
      Normalization normalization,
      Augmentation augmentation) {
    Map<String, String> values = new LinkedHashMap<>();
    for (OptionSpec option : spec.options()) {
      Object value = option.getValue();
      if (value != null && !option.usageHelp() && !option.versionHelp()) {
        values.put(option.longestName().substring(2), value.toString());
      }
    }
    // What they mean depends on the method, the data set and the model.
    values.put("lr", String.valueOf(learningRate));
    values.put("weight-decay", String.valueOf(weightDecay));
    values.put("normalize", text(normalization));
    values.put("augment", augmentation.toString());
    return values;
  }

  /** A model on the page: what it is, its metrics, and how its entropies lie before and after. */
  static RunSummary summary(
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

  private static Map<String, Histogram> histograms(Evaluation e) {
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
