package dev.lotus.device;

import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;

/**
 * Page-locked host memory: the GPU copies from and to it while the CPU goes on, and at full speed.
 * It is scarce, so it is held, not made a batch.
 */
public final class PinnedMemory implements AutoCloseable {
  private Pointer memory;
  private final long bytes;

  private PinnedMemory(ComputeDevice device, long bytes) {
    Pointer allocated = new Pointer();
    try (CudaRuntime.Current current = CudaRuntime.on(device)) {
      CudaRuntime.check(
          "cudaHostAlloc", cudart.cudaHostAlloc(allocated, bytes, cudart.cudaHostAllocDefault));
    }
    memory = allocated;
    this.bytes = bytes;
  }

  /**
   * @param bytes 1 or more; not cleared
   * @throws InputException where {@code device} is no usable GPU, with the reason; and for a size
   *     below 1
   * @throws CudaException if CUDA refuses
   */
  public static PinnedMemory allocate(ComputeDevice device, long bytes) {
    if (bytes < 1) {
      throw new InputException("page-locked memory of " + bytes + " bytes: give 1 or more");
    }
    CudaRuntime.require(device, "page-locked memory");
    return new PinnedMemory(device, bytes);
  }

  /**
   * Its bytes; other element types by their pointers' cast constructors. Not to be used after
   * {@link #close}.
   *
   * @throws IllegalStateException if closed
   */
  public BytePointer pointer() {
    if (memory == null) {
      throw new IllegalStateException("the page-locked memory is closed");
    }
    return new BytePointer(memory).capacity(bytes);
  }

  /**
   * Queues a copy of the first {@code count} bytes to the GPU; they stay as they are until it is
   * done.
   *
   * @param target memory of the stream's device
   */
  public void copyTo(Pointer target, long count, CudaStream stream) {
    CudaRuntime.check(
        "cudaMemcpyAsync",
        cudart.cudaMemcpyAsync(
            target, pointer(), count, cudart.cudaMemcpyHostToDevice, stream.handle()));
  }

  @Override
  public void close() {
    if (memory != null) {
      Pointer closing = memory;
      memory = null;
      CudaRuntime.check("cudaFreeHost", cudart.cudaFreeHost(closing));
    }
  }
}
