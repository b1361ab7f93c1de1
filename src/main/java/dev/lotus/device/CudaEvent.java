package dev.lotus.device;

import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.global.cudart;

/**
 * A mark in a stream's queue: something to wait for, and, two of them, a time measured by the GPU
 * itself.
 */
public final class CudaEvent implements AutoCloseable {
  private CUevent_st event;

  private CudaEvent(ComputeDevice device, int flags) {
    CUevent_st created = new CUevent_st();
    try (CudaRuntime.Current current = CudaRuntime.on(device)) {
      CudaRuntime.check(
          "cudaEventCreateWithFlags", cudart.cudaEventCreateWithFlags(created, flags));
    }
    event = created;
  }

  /**
   * @param device the device of the streams it is recorded on
   * @throws InputException where {@code device} is no usable GPU, with the reason
   * @throws CudaException if CUDA refuses
   */
  public static CudaEvent create(ComputeDevice device) {
    CudaRuntime.require(device, "a CUDA event");
    return new CudaEvent(device, cudart.cudaEventDefault);
  }

  /**
   * One that has no time, and so costs the queue less; to be waited for only. Whoever waits sleeps.
   *
   * @throws InputException as {@link #create}
   */
  public static CudaEvent mark(ComputeDevice device) {
    CudaRuntime.require(device, "a CUDA event");
    return new CudaEvent(device, cudart.cudaEventDisableTiming | cudart.cudaEventBlockingSync);
  }

  /**
   * Puts the mark behind all that is queued on {@code stream} so far; an earlier mark is forgotten.
   */
  public void record(CudaStream stream) {
    CudaRuntime.check("cudaEventRecord", cudart.cudaEventRecord(handle(), stream.handle()));
  }

  /** Waits until the mark is reached; at once if it was never recorded. */
  public void synchronize() {
    CudaRuntime.check("cudaEventSynchronize", cudart.cudaEventSynchronize(handle()));
  }

  /**
   * Milliseconds from {@code earlier} to this one, to about half a microsecond. Both were recorded
   * and reached.
   *
   * @throws CudaException if one was not
   */
  public double millisSince(CudaEvent earlier) {
    float[] millis = new float[1];
    CudaRuntime.check(
        "cudaEventElapsedTime", cudart.cudaEventElapsedTime(millis, earlier.handle(), handle()));
    return millis[0];
  }

  /**
   * @throws IllegalStateException if closed
   */
  CUevent_st handle() {
    if (event == null) {
      throw new IllegalStateException("the CUDA event is closed");
    }
    return event;
  }

  @Override
  public void close() {
    if (event != null) {
      CUevent_st closing = event;
      event = null;
      CudaRuntime.check("cudaEventDestroy", cudart.cudaEventDestroy(closing));
    }
  }
}
