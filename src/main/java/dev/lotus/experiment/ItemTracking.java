package dev.lotus.experiment;

import dev.lotus.metric.Metrics;
import dev.lotus.report.EpochTrace;
import dev.lotus.track.TrackedRun;
import dev.lotus.track.Tracking;
import dev.lotus.track.TrackingSettings;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Tells dashboards of an experiment's models, each a run that lasts from its making to its scoring.
 * A model that was made before and is only scored now is a run of its own, with the metrics alone.
 */
final class ItemTracking implements AutoCloseable {
  private final Tracking tracking;
  private final Path folder;
  private final Map<WorkItem, TrackedRun> open = new HashMap<>();

  /**
   * @param folder of a folder a run for event files
   */
  ItemTracking(TrackingSettings settings, Path folder, Consumer<String> note) {
    this.folder = folder;
    tracking = new Tracking(settings, note);
  }

  /**
   * A model is being made.
   *
   * @param finished epochs of its making before an interruption, which are told again
   * @return who is to be told of its epochs
   */
  Consumer<EpochTrace> begin(
      WorkItem item, Map<String, String> configuration, List<EpochTrace> finished) {
    TrackedRun run = begin(item, item.label(), configuration);
    finished.forEach(run::epoch);
    open.put(item, run);
    return run::epoch;
  }

  private TrackedRun begin(WorkItem item, String name, Map<String, String> configuration) {
    String words = name.replaceAll("[^A-Za-z0-9.+_]+", "-");
    Path own = folder.resolve(words + "-" + item.sha256().substring(0, 6));
    return tracking.begin(name, own, configuration);
  }

  /**
   * A model was scored, which ends its run.
   *
   * @param splitSha256 whose sets it was scored on
   */
  void scored(
      WorkItem item, String splitSha256, Map<String, String> configuration, Metrics metrics) {
    TrackedRun made = open.remove(item);
    String again = item.label() + ", scored on split " + splitSha256.substring(0, 6);
    try (TrackedRun run = made == null ? begin(item, again, configuration) : made) {
      run.metrics(metrics);
      run.done();
    }
  }

  /** A model could not be made or scored. */
  void failed(WorkItem item) {
    TrackedRun run = open.remove(item);
    if (run != null) {
      run.close();
    }
  }

  @Override
  public void close() {
    open.values().forEach(TrackedRun::close);
    tracking.close();
  }
}
