package dev.lotus.device;

import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * The door to cudart, whose native part needs the driver: nothing of it is touched before {@link
 * #require} has found a usable GPU. Its callers stay loadable everywhere, because only methods that
 * run after that name the preset.
 */
final class CudaRuntime {
  /** Puts the device back that was current before. */
  interface Current extends AutoCloseable {
    @Override
    void close();
  }

  private CudaRuntime() {}

  /**
   * @param what what is wanted, for the text
   * @throws InputException if {@code device} is no usable GPU, or cudart does not load
   */
  static void require(ComputeDevice device, String what) {
    device.requireCuda(what);
    try {
      Preset.load();
    } catch (LinkageError e) {
      throw new InputException(what + " needs cudart: " + TorchRuntime.rootText(e), e);
    }
  }

  /** Makes {@code device} current on this thread until the result is closed. */
  static Current on(ComputeDevice device) {
    int[] before = new int[1];
    check("cudaGetDevice", cudart.cudaGetDevice(before));
    if (before[0] == device.index()) {
      return () -> {};
    }
    check("cudaSetDevice", cudart.cudaSetDevice(device.index()));
    return () -> check("cudaSetDevice", cudart.cudaSetDevice(before[0]));
  }

  /** The same for good, on a thread of one's own. */
  static void use(ComputeDevice device) {
    check("cudaSetDevice", cudart.cudaSetDevice(device.index()));
  }

  /** Bytes of the device's memory that no process holds. */
  static long freeBytes(ComputeDevice device) {
    try (Current current = on(device);
        SizeTPointer free = new SizeTPointer(1);
        SizeTPointer total = new SizeTPointer(1)) {
      check("cudaMemGetInfo", cudart.cudaMemGetInfo(free, total));
      return free.get();
    }
  }

  /**
   * @throws CudaException if {@code status} is not success
   */
  static void check(String call, int status) {
    if (status == cudart.cudaSuccess) {
      return;
    }
    cudart.cudaGetLastError(); // leaves no error behind for whoever asks next
    throw new CudaException(
        call,
        status,
        cudart.cudaGetErrorString(status).getString()
            + " ("
            + cudart.cudaGetErrorName(status).getString()
            + ")");
  }

  /** Where the preset's static initialiser runs, and may fail. */
  private static final class Preset {
    static void load() {
      int[] version = new int[1];
      check("cudaRuntimeGetVersion", cudart.cudaRuntimeGetVersion(version));
    }
  }
}
