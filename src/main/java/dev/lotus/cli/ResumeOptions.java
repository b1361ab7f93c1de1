package dev.lotus.cli;

import dev.lotus.backbone.Backbones;
import dev.lotus.device.InputException;
import dev.lotus.report.Json;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunRecord;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.RunCheckpoints;
import dev.lotus.unlearn.RunIdentity;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;

/** How a run is kept, and whether it goes on where another was interrupted. */
final class ResumeOptions {
  /**
   * Options that the result does not depend on, and names of files whose content is compared
   * instead.
   */
  private static final Set<String> NOT_OF_THE_RUN =
      Set.of(
          "out",
          "data",
          "cache",
          "keep-cache",
          "original",
          "split",
          "unseen",
          "threads",
          "device",
          "debug",
          "quiet",
          "progress",
          "save-layout",
          "plan",
          "tensorboard",
          "mlflow");

  private static final String WEIGHTS = "model (SHA-256)";

  private static final String LAYOUT = "--save-layout";

  @Option(
      names = "--resume",
      description =
          "Go on in --out from the last checkpoint of an interrupted run; everything else as it was.")
  boolean resume;

  @Option(
      names = "--checkpoint-seconds",
      paramLabel = "S",
      defaultValue = "60",
      description =
          "Seconds between checkpoints within an epoch; 0 = after each step (default: ${DEFAULT-VALUE}). One is written at an epoch's end anyway where the last is 10 s old.")
  double seconds;

  /**
   * What decides about a run's result.
   *
   * @param spec of the command, whose options' defaults stand for what an older run did not know
   * @param configuration as run.json has it
   * @param splitSha256 null without a split
   * @param weightsSha256 of the model the run begins with; null where it is drawn
   */
  static RunIdentity identity(
      CommandSpec spec,
      Map<String, String> configuration,
      String dataSha256,
      String splitSha256,
      String weightsSha256) {
    return new RunIdentity(
        values(spec.name(), configuration, dataSha256, splitSha256, weightsSha256), defaults(spec));
  }

  private static Map<String, String> values(
      String command,
      Map<String, String> configuration,
      String dataSha256,
      String splitSha256,
      String weightsSha256) {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("command", command);
    configuration.forEach(
        (name, value) -> {
          if (!NOT_OF_THE_RUN.contains(name)) {
            values.put("--" + name, value);
          }
        });
    values.put("data (SHA-256)", dataSha256);
    if (splitSha256 != null) {
      values.put("split (SHA-256)", splitSha256);
    }
    if (weightsSha256 != null) {
      values.remove("--model");
      values.put(WEIGHTS, weightsSha256);
    }
    return values;
  }

  private static Map<String, String> defaults(CommandSpec spec) {
    Map<String, String> defaults = new LinkedHashMap<>();
    for (OptionSpec option : spec.options()) {
      Class<?> type = option.type();
      String value = option.defaultValue();
      if (type == boolean.class) {
        defaults.put(option.longestName(), value == null ? "false" : value);
      } else if (value != null) {
        // As run.json writes it: 2.0 where the option says 2.
        defaults.put(
            option.longestName(),
            type == double.class ? String.valueOf(Double.parseDouble(value)) : value);
      }
    }
    return defaults;
  }

  /**
   * Before any work.
   *
   * @throws InputException where a new run would replace an interrupted one
   */
  void check(RunFolder folder) {
    if (!(seconds >= 0)) {
      throw new InputException("--checkpoint-seconds " + seconds + ": give 0 or more");
    }
    if (!resume && RunCheckpoints.existIn(folder.path())) {
      throw new InputException(
          folder.path()
              + " holds the checkpoint of an interrupted run: give --resume to go on, another"
              + " --out, or delete checkpoint*.safetensors there");
    }
  }

  /**
   * Opens the run's checkpoints, at the last one with --resume.
   *
   * @param layout the --save-layout in force
   * @return null where the folder holds this very run, finished
   * @throws InputException where it holds another run, or only damaged checkpoints, or where this
   *     process of several was started for another run than the first
   */
  RunCheckpoints open(
      RunFolder folder,
      RunIdentity identity,
      String layout,
      Engine engine,
      Consumer<String> notes) {
    Ranks.requireSame(identity.values());
    RunCheckpoints checkpoints =
        new RunCheckpoints(folder.path(), identity, engine.device(), seconds, notes)
            .of(engine.group());
    boolean finished =
        resume
            && engine.group().rank() == 0
            && finished(folder, identity, layout, checkpoints, notes);
    // Rank 0 looks, the others do as it does.
    String told = engine.group().broadcast(String.valueOf(finished), "whether the run is finished");
    return Boolean.parseBoolean(told) ? null : checkpoints;
  }

  /** Whether there is nothing to go on with; else the checkpoints are at the last one, if any. */
  private static boolean finished(
      RunFolder folder,
      RunIdentity identity,
      String layout,
      RunCheckpoints checkpoints,
      Consumer<String> notes) {
    if (checkpoints.find()) {
      return false;
    }
    if (folder.isRun()) {
      RunRecord record = folder.readRun();
      boolean whole = folder.isWhole(record.method() != null);
      requireSame(folder, whole, record, identity, layout);
      if (whole) {
        notes.accept(folder.path() + ": the run is finished; there is nothing to go on with");
        return true;
      }
      notes.accept(
          "note: the run in "
              + folder.path()
              + " was interrupted after its last step, and its checkpoint is gone: it begins again"
              + " at its start");
      return false;
    }
    notes.accept("no checkpoint in " + folder.path() + ": the run begins at its start");
    return false;
  }

  private static void requireSame(
      RunFolder folder, boolean whole, RunRecord record, RunIdentity identity, String layout) {
    Map<String, String> held =
        values(
            record.command(),
            record.configuration(),
            record.dataSha256(),
            record.splitSha256(),
            weights(folder, record, identity.values().get(WEIGHTS)));
    RunIdentity asked = identity;
    if (whole) {
      // Until the model is written its layout may still be chosen.
      String written = record.configuration().get(LAYOUT.substring(2));
      if (written != null) {
        held.put(LAYOUT, written);
      }
      asked = identity.with(LAYOUT, layout);
    }
    List<String> differences = asked.differences(held);
    if (!differences.isEmpty()) {
      throw new InputException(
          folder.path()
              + (whole ? " holds another run, finished: " : " holds another run: ")
              + String.join(", ", differences)
              + "; give another --out");
    }
  }

  /**
   * SHA-256 of the weights that a finished run began with, null where they were drawn. Runs of
   * versions that did not record it have it in their certificate; of a training nothing is known
   * then but the weights' place: they are taken for those that are given now.
   */
  private static String weights(RunFolder folder, RunRecord record, String givenSha256) {
    if (record.initialSha256() != null) {
      return record.initialSha256();
    }
    if (Files.isRegularFile(folder.certificate())) {
      return Json.read(folder.certificate(), "original_sha256", String.class);
    }
    String model = record.configuration().get("model");
    return model != null && Backbones.names().contains(model) ? null : givenSha256;
  }
}
