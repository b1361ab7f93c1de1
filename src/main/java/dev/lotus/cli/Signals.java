package dev.lotus.cli;

import dev.lotus.data.AtomicFiles;
import dev.lotus.unlearn.RunCheckpoints;
import java.util.concurrent.atomic.AtomicReference;
import sun.misc.Signal;

/**
 * Ends the process on SIGINT and SIGTERM with 130 and 143, leaving no unfinished file; a run that
 * is kept writes a checkpoint before.
 */
final class Signals {
  private static final AtomicReference<RunCheckpoints> RUN = new AtomicReference<>();

  private static final long TWICE = 1_000_000_000L;

  private static long last = System.nanoTime() - TWICE;

  private Signals() {}

  /** While this is open, the signals stop a run. */
  interface Watch extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * The JVM's own way runs C++ exit handlers while the main thread is still inside libtorch, which
   * can crash it; halting skips them. Files are renamed into place whole, so there is nothing to
   * flush.
   */
  static void install() {
    for (String name : new String[] {"INT", "TERM"}) {
      Signal.handle(new Signal(name), Signals::handle);
    }
  }

  /** From now on a signal lets the run write a checkpoint first; a second one does not wait. */
  static Watch stopping(RunCheckpoints run) {
    RUN.set(run);
    return () -> RUN.set(null);
  }

  private static void handle(Signal signal) {
    RunCheckpoints run = RUN.get();
    long now = System.nanoTime();
    if (!Ranks.alone() && run != null && now - last < TWICE) {
      // A terminal's Ctrl-C comes to this process and to the launcher, which passes it on.
      return;
    }
    last = now;
    if (run != null) {
      if (run.requestStop(signal.getNumber())) {
        System.err.println("lotus: stopping after this step");
        return;
      }
      if (run.exist()) {
        System.err.println("lotus: stopped by SIG" + signal.getName() + "; " + run.howToGoOn());
      }
    }
    AtomicFiles.deleteUnfinished();
    Runtime.getRuntime().halt(128 + signal.getNumber());
  }
}
