package dev.lotus.device;

import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.cudnn;

/** Versions of CUDA's libraries in this process, or why they cannot be had. */
public final class CudaLibraries {
  private static final ComputeDevice FIRST = new ComputeDevice(true, 0);

  private CudaLibraries() {}

  /** {@code 13.1}, or {@code not loaded: } and the reason. */
  public static String cudart() {
    return version(
        "cudart",
        () -> {
          int[] version = new int[1];
          CudaRuntime.check("cudaRuntimeGetVersion", cudart.cudaRuntimeGetVersion(version));
          return version[0] / 1000 + "." + version[0] % 1000 / 10;
        });
  }

  /** {@code 9.19.0}, or {@code not loaded: } and the reason. */
  public static String cudnn() {
    return version("cuDNN", () -> cudnnVersion(cudnn.cudnnGetVersion()));
  }

  /**
   * @throws InputException where there is no usable GPU or cuDNN does not load, with the reason
   */
  public static void requireCudnn() {
    CudaRuntime.require(FIRST, "cuDNN");
    try {
      cudnn.cudnnGetVersion();
    } catch (LinkageError e) {
      throw new InputException("cuDNN does not load: " + TorchRuntime.rootText(e), e);
    }
  }

  /** From 9 on major * 10000 + minor * 100 + patch, before it major * 1000. */
  static String cudnnVersion(long number) {
    long unit = number >= 90000 ? 10000 : 1000;
    return number / unit + "." + number % unit / 100 + "." + number % 100;
  }

  private interface Version {
    String read();
  }

  private static String version(String library, Version version) {
    try {
      FIRST.requireCuda(library);
      return version.read();
    } catch (InputException | CudaException e) {
      return "not loaded: " + e.getMessage();
    } catch (LinkageError e) {
      return "not loaded: " + TorchRuntime.rootText(e);
    }
  }
}
