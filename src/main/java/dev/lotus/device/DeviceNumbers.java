package dev.lotus.device;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A few numbers of four bytes in a device's memory. They are set in the order of libtorch's current
 * stream and without waiting for it, so that work queued before still reads the old ones.
 */
public final class DeviceNumbers implements AutoCloseable {
  private final Tensor memory;
  private final List<Tensor> asFloats = new ArrayList<>();
  private final List<Tensor> asInts = new ArrayList<>();
  private final int[] bits;

  /** Zeros; owned by the caller, who closes them. */
  public DeviceNumbers(ComputeDevice device, int count) {
    bits = new int[count];
    try (PointerScope scope = new PointerScope()) {
      memory = NativeScope.own(torch.zeros(new long[] {count}, device.options(ScalarType.Int)));
      Tensor floats = memory.view(ScalarType.Float);
      for (int i = 0; i < count; i++) {
        asInts.add(NativeScope.own(memory.narrow(0, i, 1)));
        asFloats.add(NativeScope.own(floats.narrow(0, i, 1)));
      }
    }
  }

  public void set(int place, int value) {
    set(place, value, asInts, new Scalar(value));
  }

  public void set(int place, float value) {
    set(place, Float.floatToRawIntBits(value), asFloats, new Scalar(value));
  }

  private void set(int place, int newBits, List<Tensor> as, Scalar value) {
    try (value;
        PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      if (bits[place] != newBits) {
        as.get(place).fill_(value);
        bits[place] = newBits;
      }
    }
  }

  /** The first of them; a pointer of the caller's scope. */
  public Pointer pointer() {
    return memory.data_ptr();
  }

  @Override
  public void close() {
    asFloats.forEach(NativeScope::release);
    asInts.forEach(NativeScope::release);
    NativeScope.release(memory);
  }
}
