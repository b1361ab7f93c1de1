package dev.lotus.device;

import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.Pointer;

/**
 * A queue of work on one GPU, beside the default stream and not ordered with it. Closing it lets
 * queued work finish; whoever frees memory that such work uses synchronizes first.
 */
public final class CudaStream implements AutoCloseable {
  private final ComputeDevice device;
  private final boolean borrowed;
  private CUstream_st stream;
  private boolean open = true;

  private CudaStream(ComputeDevice device) {
    this.device = device;
    this.borrowed = false;
    CUstream_st created = new CUstream_st();
    try (CudaRuntime.Current current = CudaRuntime.on(device)) {
      CudaRuntime.check(
          "cudaStreamCreateWithFlags",
          cudart.cudaStreamCreateWithFlags(created, cudart.cudaStreamNonBlocking));
    }
    stream = created;
  }

  /**
   * @throws InputException where {@code device} is no usable GPU, with the reason
   * @throws CudaException if CUDA refuses
   */
  public static CudaStream create(ComputeDevice device) {
    CudaRuntime.require(device, "a CUDA stream");
    return new CudaStream(device);
  }

  private CudaStream(ComputeDevice device, CUstream_st stream) {
    this.device = device;
    this.borrowed = true;
    this.stream = stream;
  }

  /**
   * The one that libtorch queues this thread's work on now; it stays libtorch's, closing does
   * nothing to it.
   *
   * @throws InputException where {@code device} is no usable GPU, with the reason
   */
  public static CudaStream current(ComputeDevice device) {
    CudaRuntime.require(device, "a CUDA stream");
    return new CudaStream(device, CudaProperties.currentStream(device.index()));
  }

  /** The {@code cudaStream_t}: the {@code stream} argument of the kernels' operations. */
  public Pointer pointer() {
    return handle();
  }

  public ComputeDevice device() {
    return device;
  }

  /** Waits until all that is queued so far has run; its errors are thrown here. */
  public void synchronize() {
    CudaRuntime.check("cudaStreamSynchronize", cudart.cudaStreamSynchronize(handle()));
  }

  /** What is queued from now on starts after {@code event}; the caller does not wait. */
  public void waitFor(CudaEvent event) {
    CudaRuntime.check(
        "cudaStreamWaitEvent", cudart.cudaStreamWaitEvent(handle(), event.handle(), 0));
  }

  /**
   * @return null is the default stream
   * @throws IllegalStateException if closed
   */
  CUstream_st handle() {
    if (!open) {
      throw new IllegalStateException("the CUDA stream is closed");
    }
    return stream;
  }

  @Override
  public void close() {
    if (open && !borrowed) {
      CUstream_st closing = stream;
      open = false;
      CudaRuntime.check("cudaStreamDestroy", cudart.cudaStreamDestroy(closing));
    }
  }
}
