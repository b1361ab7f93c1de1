package dev.lotus.track;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
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
 * <p>What is told is written or sent by one background thread. A place that fails is left alone for
 * the rest of that run, which goes on; the note says so once for each place.
 */
public final class Tracking implements AutoCloseable {
  private static final long PATIENCE_MS = 10_000;

  private final TrackingSettings settings;
  private final Consumer<String> note;
  private final long patienceMs;
  private final MlflowServer server;
  private final ThreadPoolExecutor background;

  /** Said on the thread that works, which owns the terminal. */
  private final Queue<String> toSay = new ConcurrentLinkedQueue<>();

  private final Set<String> failed = ConcurrentHashMap.newKeySet();

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
    background =
        new ThreadPoolExecutor(
            1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), this::thread);
  }

  private Thread thread(Runnable work) {
    Thread thread = new Thread(work, "lotus-tracking");
    thread.setDaemon(true);
    return thread;
  }

  /**
   * A run begins.
   *
   * @param name of the run, in words
   * @param folder for an event file; those of an earlier run there are replaced
   * @param parameters settings in force
   */
  public TrackedRun begin(String name, Path folder, Map<String, String> parameters) {
    List<TrackingSink> sinks = new ArrayList<>();
    if (settings.tensorboard()) {
      sinks.add(new EventFile(folder));
    }
    if (server != null) {
      sinks.add(new MlflowRun(server, name));
    }
    return new TrackedRun(this, sinks, parameters);
  }

  /** A piece of work for one place. */
  interface Work {
    void run() throws IOException;
  }

  /** Does the work in the background, unless that place has failed this run. */
  void submit(TrackedRun.Place place, Work work) {
    if (!background.isShutdown()) {
      background.execute(() -> attempt(place, work));
    }
    say();
  }

  private void attempt(TrackedRun.Place place, Work work) {
    if (place.failed) {
      return;
    }
    try {
      work.run();
    } catch (Throwable e) { // an Error would end this thread, and nobody would be told
      place.failed = true;
      if (failed.add(place.sink.place())) {
        toSay.add(
            "note: "
                + place.sink.place()
                + " is not told of this run ("
                + reason(e)
                + "); the run goes on");
      }
    }
  }

  private static String reason(Throwable e) {
    String message = e.getMessage();
    return e.getClass().getSimpleName() + (message == null ? "" : ": " + message);
  }

  private void say() {
    for (String line = toSay.poll(); line != null; line = toSay.poll()) {
      note.accept(line);
    }
  }

  /** Waits at most ten seconds for what is still to be sent; the rest is lost, and that is said. */
  @Override
  public void close() {
    background.shutdown();
    try {
      if (!background.awaitTermination(patienceMs, TimeUnit.MILLISECONDS)) {
        background.shutdownNow();
        toSay.add(
            "note: "
                + settings.mlflow()
                + " answers too slowly: it is not told of the last of this run");
      }
    } catch (InterruptedException e) {
      background.shutdownNow();
      Thread.currentThread().interrupt();
    }
    say();
  }
}
