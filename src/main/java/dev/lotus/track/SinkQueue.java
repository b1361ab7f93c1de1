package dev.lotus.track;

import java.io.IOException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** What one kind of place is still to be told, in order, by a thread of its own. */
final class SinkQueue {
  private final String name;
  private final Consumer<String> note;
  private final ThreadPoolExecutor background;
  private final Set<String> failed = ConcurrentHashMap.newKeySet();
  private volatile boolean brokenOff;

  /**
   * @param name for messages
   * @param note takes a line where a place fails, on any thread
   */
  SinkQueue(String name, Consumer<String> note) {
    this.name = name;
    this.note = note;
    background =
        new ThreadPoolExecutor(
            1, 1, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), SinkQueue::thread);
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "lotus-tracking");
    thread.setDaemon(true);
    return thread;
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
  }

  private void attempt(TrackedRun.Place place, Work work) {
    if (place.failed) {
      return;
    }
    try {
      work.run();
    } catch (Throwable e) { // an Error would end this thread, and nobody would be told
      place.failed = true;
      String told = place.sink.place();
      // What is broken off at the end is told of there.
      if (!brokenOff && failed.add(told)) {
        note.accept(
            "note: " + told + " is not told of this run (" + reason(e) + "); the run goes on");
      }
    }
  }

  private static String reason(Throwable e) {
    String message = e.getMessage();
    return e.getClass().getSimpleName() + (message == null ? "" : ": " + message);
  }

  /** Nothing more comes. */
  void shutdown() {
    background.shutdown();
  }

  /**
   * After {@link #shutdown}: waits for what is still to be told; the rest is lost, and that is
   * said.
   *
   * @param deadline of {@link System#nanoTime}
   */
  void await(long deadline) {
    try {
      if (!background.awaitTermination(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        brokenOff = true;
        background.shutdownNow();
        note.accept("note: " + name + " is too slow: it is not told of the last of this run");
      }
    } catch (InterruptedException e) {
      brokenOff = true;
      background.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
