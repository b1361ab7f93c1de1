package dev.lotus.device;

import java.util.Locale;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Context;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The arithmetic of the backbone. Weights and optimizer state are fp32 in each. */
public enum Precision {
  /**
   * IEEE single precision throughout, also in convolutions on the GPU, where libtorch's own default
   * is TF32.
   */
  FP32,
  /** Products of convolutions and matrices with 10 mantissa bits, on the GPU's tensor cores. */
  TF32,
  /** Convolutions and matrix products in bfloat16 by libtorch's autocast. */
  BF16;

  /** Ends a mode; never throws. */
  @FunctionalInterface
  public interface Mode extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * @throws InputException if {@code text} is none of fp32, tf32, bf16
   */
  public static Precision parse(String text) {
    for (Precision precision : values()) {
      if (precision.toString().equals(text)) {
        return precision;
      }
    }
    throw new InputException("--precision " + text + ": give fp32, tf32 or bf16");
  }

  /**
   * Has the calling thread cast to this precision until the result is closed; then what was before
   * holds again. Of {@link #FP32} and {@link #TF32} nothing is cast: see {@link #arithmetic}.
   *
   * <p>Open it around ONE forward pass: under {@link #BF16} libtorch keeps the cast weights until
   * the close, so a scope that spans an optimizer step would go on with the old weights. The
   * backward pass needs no scope.
   *
   * @throws InputException for {@link #TF32} on the CPU, which has no such arithmetic
   */
  public Mode autocast(ComputeDevice device) {
    requireOn(device);
    return this == BF16 ? bf16(device.cuda() ? DeviceType.CUDA : DeviceType.CPU) : () -> {};
  }

  /**
   * Has fp32 products be of this precision, IEEE or TF32, until the result is closed. On a GPU
   * libtorch looks it up when it computes, in a backward pass too, and has one answer for the whole
   * process: runs at the same time must agree.
   *
   * @throws InputException for {@link #TF32} on the CPU, which has no such arithmetic
   */
  public Mode arithmetic(ComputeDevice device) {
    requireOn(device);
    return device.cuda() ? tensorFloat(this == TF32) : () -> {};
  }

  private void requireOn(ComputeDevice device) {
    if (this == TF32 && !device.cuda()) {
      throw new InputException("--precision tf32: only CUDA devices have it; take fp32 or bf16");
    }
  }

  private static Mode bf16(DeviceType type) {
    boolean enabledBefore = torch.is_autocast_enabled(type);
    ScalarType dtypeBefore = torch.get_autocast_dtype(type);
    torch.set_autocast_dtype(type, ScalarType.BFloat16);
    torch.set_autocast_enabled(type, true);
    return () -> {
      torch.set_autocast_enabled(type, enabledBefore);
      torch.set_autocast_dtype(type, dtypeBefore);
      if (!enabledBefore) {
        torch.clear_cache();
      }
    };
  }

  private static Mode tensorFloat(boolean allowed) {
    try (PointerScope scope = new PointerScope()) {
      Context context = torch.globalContext();
      boolean convolutionBefore = context.allowTF32CuDNN();
      boolean productBefore = context.allowTF32CuBLAS();
      allow(allowed, allowed);
      return () -> allow(convolutionBefore, productBefore);
    }
  }

  private static void allow(boolean convolution, boolean product) {
    try (PointerScope scope = new PointerScope()) {
      Context context = torch.globalContext();
      context.setAllowTF32CuDNN(convolution);
      context.setAllowTF32CuBLAS(product);
    }
  }

  /** The text that {@link #parse} reads back. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
