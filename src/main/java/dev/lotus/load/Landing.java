package dev.lotus.load;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.CudaEvent;
import dev.lotus.device.CudaStream;
import dev.lotus.device.NativeScope;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Where a {@link Slot} lands on a GPU: memory of its size, and the two marks that keep copy and
 * computation apart. Copies run on a stream of their own, beside the computation on the batches
 * before.
 */
final class Landing implements AutoCloseable {
  private final CudaStream copies;
  private final Tensor memory;
  private final CudaEvent copied;
  private final CudaEvent consumed;

  /**
   * @param copies the stream of the copies
   * @param bytes of the slot
   */
  Landing(ComputeDevice device, CudaStream copies, long bytes) {
    this.copies = copies;
    try (PointerScope scope = new PointerScope()) {
      memory =
          NativeScope.own(torch.empty(new long[] {bytes}, device.options(ScalarType.Byte), null));
    }
    copied = CudaEvent.mark(device);
    consumed = CudaEvent.mark(device);
    // Whoever had this memory before may still be at work with it, in the order of that stream.
    consumed.record(CudaStream.current(device));
  }

  /**
   * Queues the copy of what is in the slot, behind the last computation that read it here; the
   * current stream waits for it, the caller does not.
   *
   * @return [bytes], to be read on {@code current} before {@link #consumed}
   */
  Tensor take(Slot slot, CudaStream current) {
    copies.waitFor(consumed);
    slot.pinned().copyTo(memory.data_ptr(), slot.filledBytes(), copies);
    copied.record(copies);
    current.waitFor(copied);
    return memory;
  }

  /** All that reads the memory is queued on {@code current}. */
  void consumed(CudaStream current) {
    consumed.record(current);
  }

  /** Waits until the slot may be filled again. */
  void awaitCopied() {
    copied.synchronize();
  }

  /** The caller has waited for the copies. */
  @Override
  public void close() {
    copied.close();
    consumed.close();
    NativeScope.release(memory);
  }
}
