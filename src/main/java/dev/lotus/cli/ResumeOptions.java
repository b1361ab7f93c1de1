package dev.lotus.cli;

import dev.lotus.device.InputException;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunRecord;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.RunCheckpoints;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
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
          "save-layout");

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
          "Seconds between checkpoints within an epoch; 0 = after each step (default: ${DEFAULT-VALUE}). One is written at each epoch's end anyway.")
  double seconds;

  /**
   * What decides about a run's result.
   *
   * @param configuration as run.json has it
   * @param splitSha256 null without a split
   * @param weightsSha256 of the model the run begins with; null where it is drawn
   */
  static Map<String, String> identity(
      String command,
      Map<String, String> configuration,
      String dataSha256,
      String splitSha256,
      String weightsSha256) {
    Map<String, String> identity = new LinkedHashMap<>();
    identity.put("command", command);
    configuration.forEach(
        (name, value) -> {
          if (!NOT_OF_THE_RUN.contains(name)) {
            identity.put("--" + name, value);
          }
        });
    identity.put("data (SHA-256)", dataSha256);
    if (splitSha256 != null) {
      identity.put("split (SHA-256)", splitSha256);
    }
    if (weightsSha256 != null) {
      identity.remove("--model");
      identity.put("model (SHA-256)", weightsSha256);
    }
    return identity;
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
   * @return null where the folder holds this very run, finished
   * @throws InputException where it holds another run, or only damaged checkpoints
   */
  RunCheckpoints open(
      RunFolder folder, Map<String, String> identity, Engine engine, Consumer<String> notes) {
    RunCheckpoints checkpoints =
        new RunCheckpoints(folder.path(), identity, engine.device(), seconds, notes);
    if (resume && !checkpoints.find()) {
      if (folder.isRun()) {
        requireSame(folder, identity);
        notes.accept(folder.path() + ": the run is finished; there is nothing to go on with");
        return null;
      }
      notes.accept("no checkpoint in " + folder.path() + ": the run begins at its start");
    }
    return checkpoints;
  }

  /** Of the weights a finished run began with nothing is known but their place. */
  private static void requireSame(RunFolder folder, Map<String, String> identity) {
    RunRecord record = folder.readRun();
    Map<String, String> held =
        identity(
            record.command(),
            record.configuration(),
            record.dataSha256(),
            record.splitSha256(),
            null);
    identity.forEach(
        (name, value) -> {
          boolean compared = !name.contains("model");
          if (compared && !Objects.equals(value, held.get(name))) {
            throw new InputException(
                folder.path()
                    + " holds another run, finished: "
                    + name
                    + " was "
                    + held.get(name)
                    + ", is "
                    + value
                    + "; give another --out");
          }
        });
  }
}
