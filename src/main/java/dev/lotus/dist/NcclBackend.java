package dev.lotus.dist;

import dev.lotus.device.ComputeDevice;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.Backend;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.nccl.ProcessGroupNCCL;

/** NCCL, apart from the rest: loading this class needs libtorch's GPU build. */
final class NcclBackend {
  private NcclBackend() {}

  /** For tensors on a GPU. */
  static Backend open(Store store, Place place, Milliseconds timeout, ComputeDevice device) {
    ProcessGroupNCCL.Options options = ProcessGroupNCCL.Options.create();
    options.timeout(timeout);
    Backend backend = new ProcessGroupNCCL(store, place.rank(), place.size(), options);
    backend.setBoundDeviceId(new DeviceOptional(device.torch()));
    return backend;
  }
}
