package dev.lotus.track;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Tells dashboards of one run or many:
 *
 * <pre>{@code
 * try (Tracking tracking = new Tracking(settings, System.err::println);
 *     TrackedRun run = tracking.begin("lotus", folder, Map.of("alpha", "2"))) {
 *   Unlearning.builder() ... .listener(Unlearning.Listener.tracking(run)).run();
 *   run.done();
 * }
 * }</pre>
 *
 * <p>What is told is written or sent by background threads, one for each kind of place. A place
 * that fails is left alone for the rest of that run, which goes on; the note says so once for each
 * place.
 */
public final class Tracking implements AutoCloseable {
  private static final long PATIENCE_MS = 10_000;

  private final TrackingSettings settings;
  private final Consumer<String> note;
  private final long patienceMs;
  private final MlflowServer server;

  /** Said on the thread that works, which owns the terminal. */
  private final Queue<String> toSay = new ConcurrentLinkedQueue<>();

  /** One for each kind of place: a slow server does not keep events from their file. */
  private final SinkQueue files = new SinkQueue("TensorBoard's file", toSay::add);

  private final SinkQueue requests;

  /**
   * @param note takes a line where a place fails, on a thread that calls this object
   */
  public Tracking(TrackingSettings settings, Consumer<String> note) {
    this(settings, note, PATIENCE_MS);
  }

  /**
   * @param patienceMs how long {@link #close} waits for what is still to be sent
   */
  Tracking(TrackingSettings settings, Consumer<String> note, long patienceMs) {
    this.settings = settings;
    this.note = note;
    this.patienceMs = patienceMs;
    server =
        settings.mlflow() == null
            ? null
            : new MlflowServer(settings.mlflow(), settings.experiment());
    requests = new SinkQueue("MLflow at " + settings.mlflow(), toSay::add);
  }

  /**
   * A run begins.
   *
   * @param name of the run, in words
   * @param folder for an event file; those of an earlier run there are replaced
   * @param parameters settings in force
   */
  public TrackedRun begin(String name, Path folder, Map<String, String> parameters) {
    List<TrackedRun.Place> places = new ArrayList<>();
    if (settings.tensorboard()) {
      places.add(new TrackedRun.Place(new EventFile(folder), files));
    }
    if (server != null) {
      places.add(new TrackedRun.Place(new MlflowRun(server, name), requests));
    }
    return new TrackedRun(places, parameters, this::say);
  }

  private void say() {
    for (String line = toSay.poll(); line != null; line = toSay.poll()) {
      note.accept(line);
    }
  }

  /** Waits at most ten seconds for what is still to be sent; the rest is lost, and that is said. */
  @Override
  public void close() {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(patienceMs);
    files.shutdown();
    requests.shutdown();
    files.await(deadline);
    requests.await(deadline);
    say();
  }
}
