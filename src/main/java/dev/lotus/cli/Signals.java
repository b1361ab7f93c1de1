package dev.lotus.cli;

import dev.lotus.data.AtomicFiles;
import sun.misc.Signal;

/** Ends the process on SIGINT and SIGTERM with 130 and 143, leaving no unfinished file. */
final class Signals {
  private Signals() {}

  /**
   * The JVM's own way runs C++ exit handlers while the main thread is still inside libtorch, which
   * can crash it; halting skips them. Files are renamed into place whole, so there is nothing to
   * flush.
   */
  static void install() {
    for (String name : new String[] {"INT", "TERM"}) {
      Signal.handle(
          new Signal(name),
          signal -> {
            AtomicFiles.deleteUnfinished();
            Runtime.getRuntime().halt(128 + signal.getNumber());
          });
    }
  }
}
