package dev.lotus.kernel;

/**
 * A native operation failed after its arguments had been accepted: no such backend here, a CUDA
 * error, no memory. An asynchronous CUDA error may belong to an earlier call.
 */
public final class KernelException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final String symbol;
  private final int status;

  KernelException(String symbol, int status, String text) {
    super(symbol + " failed with status " + status + ": " + text);
    this.symbol = symbol;
    this.status = status;
  }

  /** The C function, as in {@code lotus.h}. */
  public String symbol() {
    return symbol;
  }

  /** A {@code LOTUS_} status. */
  public int status() {
    return status;
  }
}
