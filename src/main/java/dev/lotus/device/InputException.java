package dev.lotus.device;

/**
 * The user's input cannot be used: a missing file, a value out of range, a shape that does not fit.
 * The message says what, where, which value, and what to do, in one line. The command line turns it
 * into exit status 2.
 */
public final class InputException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  public InputException(String message) {
    super(message);
  }

  public InputException(String message, Throwable cause) {
    super(message, cause);
  }
}
