package dev.lotus.device;

import java.util.concurrent.atomic.AtomicLong;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.cuda.DeviceAssertionsDataVectorCUDAKernelLaunchInfoVectorPair;
import org.bytedeco.pytorch.cuda.StreamFilter;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * A pool of libtorch's caching allocator that belongs to one captured graph: what the captured work
 * allocates keeps its addresses, and nobody else gets them before this is closed.
 */
final class GraphMemory implements AutoCloseable {
  /**
   * A pool's id is two words, of which the first is not 0 where a graph owns it (c10's {@code
   * MempoolId_t}; the presets show it under the name of another pair). Nobody else in this process
   * makes any: libtorch's own count from 1.
   */
  private static final AtomicLong IDS = new AtomicLong(1L << 40);

  /** Asked at each allocation on the device, also by autograd's threads. */
  private static final class OnStream extends StreamFilter {
    private final long address;

    OnStream(long address) {
      this.address = address;
    }

    @Override
    public boolean call(Pointer stream) {
      return (stream == null ? 0 : stream.address()) == address;
    }
  }

  private final byte device;
  private final LongPointer id;
  private final StreamFilter filter;
  private boolean begun;

  /**
   * @param stream whose work will be captured
   */
  GraphMemory(CudaStream stream) {
    device = (byte) stream.device().index();
    try (PointerScope scope = new PointerScope()) {
      id = NativeScope.own(new LongPointer(IDS.getAndIncrement(), 0L));
      filter = NativeScope.own(new OnStream(stream.handle().address()));
    }
  }

  private DeviceAssertionsDataVectorCUDAKernelLaunchInfoVectorPair id() {
    return new DeviceAssertionsDataVectorCUDAKernelLaunchInfoVectorPair(id);
  }

  /** From now on the stream's allocations come from here. */
  void begin() {
    torch_cuda.beginAllocateToPool(device, id(), filter);
    begun = true;
  }

  /** No more; what was allocated stays. */
  void end() {
    torch_cuda.endAllocateToPool(device, id());
  }

  /** Tensors that still live here keep their memory until they go. */
  @Override
  public void close() {
    if (begun) {
      begun = false;
      torch_cuda.getAllocator().releasePool(device, id());
    }
    NativeScope.release(filter);
    NativeScope.release(id);
  }
}
