package dev.lotus.device;

/**
 * The work was done as asked and its result is a failure: a golden case that differs, a loss that
 * became NaN in training. The command line turns it into exit status 1.
 */
public final class ResultException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ResultException(String message) {
    super(message);
  }
}
