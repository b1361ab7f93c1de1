package dev.lotus.cli;

import dev.lotus.report.EpochTrace;
import dev.lotus.track.TrackedRun;
import dev.lotus.track.Tracking;
import dev.lotus.track.TrackingSettings;
import dev.lotus.unlearn.RunCheckpoints;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import picocli.CommandLine.Option;

/** Which dashboards a run is told to. */
final class TrackingOptions {
  @Option(
      names = "--tensorboard",
      description =
          "Write loss, temperature and accuracies by epoch, and the metrics, for TensorBoard into --out.")
  boolean tensorboard;

  @Option(
      names = "--mlflow",
      paramLabel = "URI",
      description =
          "Tell them to the MLflow server at this address, as a run of its experiment lotus.")
  String mlflow;

  /**
   * @throws dev.lotus.device.InputException where the address is none of a server
   */
  TrackingSettings settings() {
    return new TrackingSettings(
        tensorboard, TrackingSettings.server(mlflow), TrackingSettings.NONE.experiment());
  }

  /** The one run of a command; closing it waits, for a bounded time, until all is told. */
  record Told(Tracking tracking, TrackedRun run) implements AutoCloseable {
    /** Each epoch, to the dashboards and as a line. */
    Consumer<EpochTrace> epochs(Consumer<String> note) {
      return epoch -> {
        note.accept(epoch.line());
        run.epoch(epoch);
      };
    }

    @Override
    public void close() {
      run.close();
      tracking.close();
    }
  }

  /**
   * @param out the run folder, whose name is the run's
   * @param checkpoints of the run: what was over before it goes on is told again
   */
  Told begin(
      Path out,
      Map<String, String> configuration,
      RunCheckpoints checkpoints,
      Consumer<String> note) {
    TrackingSettings told = Ranks.first() ? settings() : TrackingSettings.NONE;
    Tracking tracking = new Tracking(told, note);
    String name = String.valueOf(out.toAbsolutePath().normalize().getFileName());
    TrackedRun run = tracking.begin(name, out, configuration);
    checkpoints.finishedEpochs().forEach(run::epoch);
    return new Told(tracking, run);
  }
}
