package dev.lotus.unlearn;

/**
 * Whether a run is to stop, asked on any thread. Of several processes each may be asked; they stop
 * at the step at which all have heard of it, none before.
 */
final class StopRequest {
  /** What a process stops by that another one was asked to stop with. */
  private static final int SIGTERM = 15;

  private boolean stepping;
  private int signal;
  private boolean heard;

  /** Whether steps are under way, which a stop waits for. */
  synchronized void stepping(boolean under) {
    stepping = under;
  }

  /**
   * @return false where no step is under way or it was asked before: then all that can be kept is
   */
  synchronized boolean ask(int withSignal) {
    if (!stepping || signal != 0) {
      return false;
    }
    signal = withSignal;
    return true;
  }

  /** Whether this process was asked. */
  synchronized boolean asked() {
    return signal != 0;
  }

  /** Whether this process was asked, for the sum of all processes' words. */
  synchronized float word() {
    return signal == 0 ? 0 : 1;
  }

  /** From the sum of all words, which all processes hear at the same step. */
  synchronized boolean hear(float sum) {
    if (sum > 0) {
      heard = true;
      signal = signal == 0 ? SIGTERM : signal;
    }
    return heard;
  }

  /**
   * Whether the run stops now.
   *
   * @param alone whether there is one process; what one of several was asked, the others do not
   *     know yet
   * @return the signal; 0 = no
   */
  synchronized int due(boolean alone) {
    int due = alone || heard ? signal : 0;
    if (due != 0) {
      stepping = false;
    }
    return due;
  }

  /**
   * Ends the steps unless a stop waits for what is still to be written.
   *
   * @param more whether something is
   * @return whether something is, or a stop waits
   */
  synchronized boolean endStepping(boolean more) {
    stepping &= more || signal != 0;
    return more || signal != 0;
  }
}
