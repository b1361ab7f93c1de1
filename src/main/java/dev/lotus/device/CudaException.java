package dev.lotus.device;

/**
 * A call of a CUDA library failed: names the call, the code and the library's text. An error of
 * earlier work on the device may be reported by a later call.
 */
public final class CudaException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final String call;
  private final int code;

  public CudaException(String call, int code, String text) {
    super(call + " failed with code " + code + ": " + text);
    this.call = call;
    this.code = code;
  }

  /** The function, as in CUDA's own headers. */
  public String call() {
    return call;
  }

  /** Its {@code cudaError_t} or {@code cudnnStatus_t}. */
  public int code() {
    return code;
  }
}
