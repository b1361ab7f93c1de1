package dev.lotus.device;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * Has libtorch queue this thread's work on a stream beside the default one until it is closed; the
 * default one cannot be captured. What was queued before it opened is done before, what is queued
 * after it closed is done after. Nobody else has the stream meanwhile: a capture takes in whatever
 * is queued on it. Streams are used again, as libtorch keeps memory by stream.
 */
public final class SideStream implements AutoCloseable {
  /**
   * Libtorch's ids of its own streams that nobody uses now, by device; they live as long as the
   * process.
   */
  private static final Map<Integer, Deque<Long>> IDLE = new HashMap<>();

  private final ComputeDevice device;
  private final CudaEvent mark;
  private final long before;
  private final long own;

  private SideStream(ComputeDevice device) {
    this.device = device;
    mark = CudaEvent.mark(device);
    try (PointerScope scope = new PointerScope()) {
      before = torch_cuda.getCurrentCUDAStream((byte) device.index()).id();
    }
    own = take(device);
    change(own);
  }

  /**
   * @throws InputException where {@code device} is no usable GPU, with the reason
   */
  public static SideStream open(ComputeDevice device) {
    CudaRuntime.require(device, "a CUDA stream");
    return new SideStream(device);
  }

  private static synchronized long take(ComputeDevice device) {
    Long idle = IDLE.computeIfAbsent(device.index(), index -> new ArrayDeque<>()).poll();
    if (idle != null) {
      return idle;
    }
    try (PointerScope scope = new PointerScope()) {
      return torch_cuda.getStreamFromPool(false, (byte) device.index()).id();
    }
  }

  private static synchronized void giveBack(ComputeDevice device, long id) {
    IDLE.get(device.index()).add(id);
  }

  private void change(long to) {
    mark.record(CudaStream.current(device));
    try (PointerScope scope = new PointerScope()) {
      torch_cuda.setCurrentCUDAStream(
          CUDAStream.unpack3(to, (byte) device.index(), DeviceType.CUDA));
    }
    CudaStream.current(device).waitFor(mark);
  }

  @Override
  public void close() {
    change(before);
    mark.close();
    giveBack(device, own);
  }
}
