package dev.lotus.device;

import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * Properties only the CUDA preset knows. A class of its own, so that the preset's classes, whose
 * native part needs the driver, are not resolved before a device is known to be usable.
 */
final class CudaProperties {
  private CudaProperties() {}

  /** The stream that libtorch queues this thread's work on; null is the default one. */
  static CUstream_st currentStream(int index) {
    try (PointerScope scope = new PointerScope()) {
      return torch_cuda.getCurrentCUDAStream((byte) index).stream();
    }
  }

  /** The name of CUDA device {@code index} as its driver gives it. */
  static String name(int index) {
    try (PointerScope scope = new PointerScope()) {
      return torch_cuda.getDeviceProperties((byte) index).name().getString();
    }
  }
}
