package dev.lotus.device;

import java.util.HashMap;
import java.util.Map;
import org.bytedeco.pytorch.cuda.CUDAStream;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * Has libtorch queue this thread's work on a stream beside the default one until it is closed; the
 * default one cannot be captured. What was queued before it opened is done before, what is queued
 * after it closed is done after. One stream a device: libtorch keeps memory by stream.
 */
public final class SideStream implements AutoCloseable {
  private static final Map<Integer, CUDAStream> STREAMS = new HashMap<>();

  private final ComputeDevice device;
  private final CUDAStream before;
  private final CudaEvent mark;

  private SideStream(ComputeDevice device) {
    this.device = device;
    mark = CudaEvent.mark(device);
    before = NativeScope.own(torch_cuda.getCurrentCUDAStream((byte) device.index()));
    change(stream(device));
  }

  /**
   * @throws InputException where {@code device} is no usable GPU, with the reason
   */
  public static SideStream open(ComputeDevice device) {
    CudaRuntime.require(device, "a CUDA stream");
    return new SideStream(device);
  }

  private static synchronized CUDAStream stream(ComputeDevice device) {
    return STREAMS.computeIfAbsent(
        device.index(),
        index -> NativeScope.own(torch_cuda.getStreamFromPool(false, index.byteValue())));
  }

  private void change(CUDAStream to) {
    mark.record(CudaStream.current(device));
    torch_cuda.setCurrentCUDAStream(to);
    CudaStream.current(device).waitFor(mark);
  }

  @Override
  public void close() {
    change(before);
    NativeScope.release(before);
    mark.close();
  }
}
