package dev.lotus.device;

import java.util.Optional;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.DeviceOptional;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Where tensors live and operations run: the CPU, or one CUDA device that was found usable.
 *
 * @param cuda a CUDA device rather than the CPU
 * @param index the CUDA device's number; 0 for the CPU
 */
public record ComputeDevice(boolean cuda, int index) {
  /** The CPU. */
  public static final ComputeDevice CPU = new ComputeDevice(false, 0);

  private static final class Machine {
    static final GpuProbe PROBE = GpuProbe.ofThisProcess();
  }

  /**
   * @throws InputException if the index is negative, or not 0 for the CPU
   */
  public ComputeDevice {
    if (index < 0 || (!cuda && index != 0)) {
      throw new InputException("device index " + index + ": CUDA devices count from 0");
    }
  }

  /**
   * Reads {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:i}. {@code auto} takes the first
   * CUDA device where one is usable, else the CPU; {@link #reason} says why.
   *
   * @throws InputException for any other text, and for {@code cuda} where no such device is usable,
   *     with the reason: never a silent fall to the CPU
   */
  public static ComputeDevice parse(String text) {
    // The probe is looked at only where the answer depends on it: it may load libtorch.
    return "cpu".equals(text) ? CPU : parse(text, Machine.PROBE);
  }

  static ComputeDevice parse(String text, GpuProbe probe) {
    Optional<String> obstacle = probe.obstacle();
    switch (text == null ? "" : text) {
      case "cpu":
        return CPU;
      case "auto":
        return obstacle.isPresent() ? CPU : new ComputeDevice(true, 0);
      default:
        if (text == null || !text.matches("cuda(:\\d{1,4})?")) {
          throw new InputException("--device " + text + ": give auto, cpu, cuda or cuda:NUMBER");
        }
    }
    if (obstacle.isPresent()) {
      throw new InputException(
          "--device " + text + ": " + obstacle.get() + ", or take --device cpu");
    }
    int index = text.equals("cuda") ? 0 : Integer.parseInt(text.substring("cuda:".length()));
    if (index >= probe.devices()) {
      throw new InputException(
          "--device " + text + ": there are " + probe.devices() + " CUDA devices, counted from 0");
    }
    return new ComputeDevice(true, index);
  }

  /** Why {@code auto} comes out as it does on this machine, in words. */
  public static String reason() {
    return Machine.PROBE
        .obstacle()
        .map(obstacle -> "no GPU: " + obstacle)
        .orElseGet(() -> "CUDA devices found: " + Machine.PROBE.devices());
  }

  /**
   * For what only a GPU has.
   *
   * @param what what is wanted, for the text: {@code a CUDA stream}
   * @throws InputException if this is the CPU, or no GPU is usable in this process, with the reason
   */
  void requireCuda(String what) {
    Optional<String> obstacle = Machine.PROBE.obstacle();
    if (cuda && obstacle.isEmpty() && index < Machine.PROBE.devices()) {
      return;
    }
    throw new InputException(
        what
            + " needs a CUDA device; this is "
            + this
            + " ("
            + (cuda || obstacle.isPresent() ? reason() : "give --device cuda")
            + ")");
  }

  /** A new libtorch device, owned by the caller's scope. */
  public Device torch() {
    return cuda ? new Device(DeviceType.CUDA, (byte) index) : new Device(DeviceType.CPU);
  }

  /** Of new tensors here; owned by the caller's scope, as {@link #torch} is. */
  public TensorOptions options(ScalarType type) {
    TensorOptions options = new TensorOptions(type);
    return cuda ? options.device(new DeviceOptional(torch())) : options;
  }

  /**
   * Bytes of the device's own memory that nobody holds now.
   *
   * @throws InputException for the CPU
   */
  public long freeBytes() {
    CudaRuntime.require(this, "the free memory of a GPU");
    return CudaRuntime.freeBytes(this);
  }

  /**
   * Makes a GPU the calling thread's current one, for good. Otherwise whatever finds device 0
   * current there makes a context on it: half a gigabyte for each process that computes on another
   * one.
   *
   * @throws InputException if it is no usable GPU
   */
  public void makeCurrent() {
    if (cuda) {
      CudaRuntime.require(this, "to be the current device");
      CudaRuntime.use(this);
    }
  }

  /** The device number of the native interface: -1 for the CPU. */
  public int nativeIndex() {
    return cuda ? index : -1;
  }

  /**
   * The device with its hardware: {@code cpu (2 threads)}, {@code cuda:0 (NVIDIA H100 80GB HBM3)}.
   */
  public String describe() {
    if (cuda) {
      return this + " (" + CudaProperties.name(index) + ")";
    }
    TorchRuntime.loadOnce();
    int threads = torch.get_num_threads();
    return this + " (" + threads + (threads == 1 ? " thread)" : " threads)");
  }

  /** The text that {@link #parse} reads back. */
  @Override
  public String toString() {
    return cuda ? "cuda:" + index : "cpu";
  }
}
