package dev.lotus.device;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/**
 * What stands between this process and a GPU.
 *
 * @param gpuLibtorch the class path holds the GPU build of libtorch
 * @param driver the NVIDIA driver's kernel module is loaded
 * @param devices devices libtorch can use
 * @param failure why libtorch does not even load; null where it does
 */
record GpuProbe(boolean gpuLibtorch, boolean driver, int devices, String failure) {
  private static final String GPU_BUILD =
      "org/bytedeco/pytorch/" + Loader.getPlatform() + "-gpu/" + System.mapLibraryName("jnitorch");

  /**
   * Looks at this process. Asks libtorch itself only where its GPU build is there, and then through
   * the functions that are in either build: nothing of the CUDA preset is touched.
   */
  static GpuProbe ofThisProcess() {
    boolean gpuLibtorch = GpuProbe.class.getClassLoader().getResource(GPU_BUILD) != null;
    boolean driver = Files.exists(Path.of("/proc/driver/nvidia/version"));
    if (!gpuLibtorch) {
      return new GpuProbe(false, driver, 0, null);
    }
    try {
      TorchRuntime.loadOnce();
      int devices = torch.cuda_is_available() ? torch.cuda_device_count() : 0;
      return new GpuProbe(true, driver, devices, null);
    } catch (InputException e) {
      // The GPU build needs CUDA's libraries to load at all. Kept as a reason: `auto` then says so.
      return new GpuProbe(true, driver, 0, e.getMessage());
    }
  }

  /** Why no GPU can be used, and what to do; empty where one can. */
  Optional<String> obstacle() {
    if (!gpuLibtorch) {
      return Optional.of("libtorch on the class path is its CPU build; build with -Pcuda");
    }
    if (failure != null) {
      return Optional.of(failure);
    }
    if (devices > 0) {
      return Optional.empty();
    }
    return Optional.of(
        driver
            ? "the NVIDIA driver shows libtorch no device; driver R580 or newer is needed, and"
                + " CUDA_VISIBLE_DEVICES must not hide it"
            : "no NVIDIA driver is loaded on this machine; install R580 or newer");
  }
}
