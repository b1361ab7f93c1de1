package dev.lotus.unlearn;

/** A checkpoint that is there and readable, but not one this run can go on from; says why. */
final class UnusableCheckpointException extends Exception {
  private static final long serialVersionUID = 1L;

  UnusableCheckpointException(String message) {
    super(message);
  }
}
