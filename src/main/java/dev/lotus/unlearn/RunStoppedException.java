package dev.lotus.unlearn;

/** A run was asked to stop and did, after its checkpoint. */
public final class RunStoppedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int signal;

  RunStoppedException(int signal, String message) {
    super(message);
    this.signal = signal;
  }

  /** Number of the signal that asked. */
  public int signal() {
    return signal;
  }
}
