package dev.lotus.cli;

import dev.lotus.data.Normalization;
import dev.lotus.load.Augmentation;
import dev.lotus.unlearn.RunFiles;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** What the commands that make models share: their options as run.json records them. */
final class Runs {
  /** Options about how the run is kept, announced and shown say nothing about the model. */
  private static final Set<String> OF_KEEPING =
      Set.of(
          "--resume",
          "--checkpoint-seconds",
          "--plan",
          "--tensorboard",
          "--mlflow",
          UntrustedOption.NAME);

  private Runs() {}

  /** Every option of the command with the value in force, in the command line's order. */
  static Map<String, String> configuration(
      CommandSpec spec,
      double learningRate,
      double weightDecay,
      int batch,
      Normalization normalization,
      Augmentation augmentation,
      Integer bnBatch) {
    Map<String, String> values = new LinkedHashMap<>();
    for (OptionSpec option : spec.options()) {
      Object value = option.getValue();
      if (value != null
          && !option.usageHelp()
          && !option.versionHelp()
          && !OF_KEEPING.contains(option.longestName())) {
        values.put(option.longestName().substring(2), value.toString());
      }
    }
    // What they mean depends on the method, the data set and the model.
    values.put("lr", String.valueOf(learningRate));
    values.put("weight-decay", String.valueOf(weightDecay));
    values.put("batch", String.valueOf(batch));
    values.put("normalize", RunFiles.text(normalization));
    values.put("augment", augmentation.toString());
    values.remove("bn-batch");
    if (bnBatch != null) {
      values.put("bn-batch", bnBatch.toString());
    }
    return values;
  }
}
