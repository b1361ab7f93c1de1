package dev.lotus.dist;

/** Another process died, hung or was cut off; the message names it and what was waited in. */
public final class RankLostException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public RankLostException(String message, Throwable cause) {
    super(message, cause);
  }
}
