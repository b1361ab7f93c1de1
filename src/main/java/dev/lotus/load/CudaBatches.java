package dev.lotus.load;

import dev.lotus.data.ImageSet;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.CudaStream;
import dev.lotus.device.NativeScope;
import dev.lotus.device.PinnedMemory;
import dev.lotus.kernel.GatherAugment;
import dev.lotus.load.Slot.Numbers;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Batches on a GPU: each slot is copied as bytes, images, labels and all, from page-locked memory
 * and on a stream beside the computation's; floats are made there. Nothing waits for the GPU but
 * the background thread that fills a slot again.
 */
final class CudaBatches implements BatchMaker {
  /** Batches prepared ahead; the host is several steps before the GPU. */
  static final int AHEAD = 4;

  private final ImageSet images;
  private final GatherAugment normalization;
  private final ComputeDevice device;
  private final CudaStream copies;
  private final List<Slot> slots = new ArrayList<>();

  CudaBatches(ImageSet images, GatherAugment normalization, ComputeDevice device) {
    this.images = images;
    this.normalization = normalization;
    this.device = device;
    this.copies = CudaStream.create(device);
  }

  @Override
  public int ahead() {
    return AHEAD;
  }

  @Override
  public Slot slot(int maxRows, boolean withPixels) {
    long bytes = Slot.bytes(images, maxRows, withPixels);
    Landing landing = new Landing(device, copies, bytes);
    try {
      Slot slot =
          new Slot(images, maxRows, withPixels, PinnedMemory.allocate(device, bytes), landing);
      slots.add(slot);
      return slot;
    } catch (RuntimeException e) {
      landing.close();
      throw e;
    }
  }

  /** On the current stream. */
  @Override
  public Batch batch(Slot slot, ResidentImages resident, Batch.Rows rows) {
    CudaStream current = CudaStream.current(device);
    try (NativeScope scope = new NativeScope()) {
      Tensor landed = slot.landing.take(slot, current);
      // The batch keeps its numbers when the next one lands.
      Tensor numbers = landed.narrow(0, 0, slot.numberBytes()).clone();
      Tensor out =
          torch.empty(
              new long[] {slot.rows, images.channels(), images.height(), images.width()},
              device.options(ScalarType.Float),
              null);
      slot.write(
          normalization,
          new BytePointer((resident == null ? landed : numbers).data_ptr()),
          resident == null ? null : resident.operand(),
          device.nativeIndex(),
          out.data_ptr(),
          current.pointer());
      slot.landing.consumed(current);
      return Batch.of(
          scope.keep(out),
          scope.keep(part(numbers, slot, Numbers.LABELS, Long.BYTES).view(ScalarType.Long)),
          rows,
          new Batch.There(
              scope.keep(part(numbers, slot, Numbers.IS_FORGET, 1)),
              scope.keep(part(numbers, slot, Numbers.SAMPLES, Long.BYTES).view(ScalarType.Long)),
              scope.keep(part(numbers, slot, Numbers.INDICES, Long.BYTES).view(ScalarType.Long))));
    }
  }

  private static Tensor part(Tensor numbers, Slot slot, Numbers which, int bytes) {
    return numbers.narrow(0, slot.offset(which), (long) bytes * slot.rows);
  }

  /** Waits for the copies. */
  @Override
  public void close() {
    try {
      copies.synchronize();
    } finally {
      slots.forEach(Slot::close);
      copies.close();
    }
  }
}
