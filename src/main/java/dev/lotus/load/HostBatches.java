package dev.lotus.load;

import dev.lotus.data.ImageSet;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.NativeScope;
import dev.lotus.kernel.GatherAugment;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Batches on the CPU, from slots in direct buffers. */
record HostBatches(ImageSet images, GatherAugment normalization) implements BatchMaker {
  /** Batches prepared ahead. */
  static final int AHEAD = 2;

  @Override
  public int ahead() {
    return AHEAD;
  }

  @Override
  public Slot slot(int maxRows, boolean withPixels) {
    return new Slot(images, maxRows, withPixels);
  }

  @Override
  public Batch batch(Slot slot, ResidentImages resident, Batch.Rows rows) {
    try (NativeScope scope = new NativeScope()) {
      return Batch.of(
          scope.keep(imageTensor(slot, resident)), scope.keep(labelTensor(slot)), rows, null);
    }
  }

  private Tensor imageTensor(Slot slot, ResidentImages resident) {
    Tensor tensor =
        torch.empty(
            new long[] {slot.rows, images.channels(), images.height(), images.width()},
            new TensorOptions(ScalarType.Float),
            null);
    slot.write(
        normalization,
        slot.pointer(),
        resident == null ? null : resident.operand(),
        ComputeDevice.CPU.nativeIndex(),
        tensor.data_ptr_float(),
        null);
    return tensor;
  }

  private static Tensor labelTensor(Slot slot) {
    Tensor tensor = torch.empty(new long[] {slot.rows}, new TensorOptions(ScalarType.Long), null);
    slot.labels(tensor.data_ptr_long());
    return tensor;
  }

  /** The slots' buffers are the collector's. */
  @Override
  public void close() {}
}
