package dev.lotus.load;

import dev.lotus.data.ImageSet;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.NativeScope;
import dev.lotus.kernel.GatherAugment.Images;
import dev.lotus.kernel.GatherAugment.Layout;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * All images of a set as one array of bytes where batches are made of them, so that a batch needs
 * no image from the host. One array serves every loader of the set on that device that is open; it
 * goes when the last is closed.
 */
final class ResidentImages {
  /** Whether a loader's images are to be resident. */
  enum Rule {
    /** Never: batches are made of copies. */
    NEVER,
    /** Where images need no decoding, enough of them are wanted, and they fit. */
    WHERE_THEY_FIT,
    /** Whatever they take. */
    ALWAYS;

    /** Where the CPU computes, one more copy of the images would take memory and save no time. */
    static Rule on(ComputeDevice device) {
      return device.cuda() ? WHERE_THEY_FIT : NEVER;
    }
  }

  /** Of the device's free memory, so much at most: the model and its activations need the rest. */
  private static final int SHARE_OF_FREE = 3;

  /** An epoch over fewer than this part of the set brings its own images sooner than all. */
  private static final int LEAST_PART = 4;

  /** Bytes that are read before they are copied to a GPU. */
  private static final int CHUNK = 1 << 24;

  private static final Map<ComputeDevice, Map<ImageSet, ResidentImages>> OPEN = new HashMap<>();

  private final ImageSet images;
  private final ComputeDevice device;
  private final Tensor bytes;
  private int users;

  private ResidentImages(ImageSet images, ComputeDevice device) {
    this.images = images;
    this.device = device;
    this.bytes = read(images, device);
  }

  /**
   * The array of a set, made if no loader has it yet.
   *
   * @param wanted images of an epoch
   * @return null where the rule says no; else the caller gives it to {@link #release}
   */
  static synchronized ResidentImages acquire(
      ImageSet images, ComputeDevice device, Rule rule, int wanted) {
    if (rule == Rule.NEVER || images.decodes()) {
      return null;
    }
    Map<ImageSet, ResidentImages> sets = OPEN.computeIfAbsent(device, d -> new IdentityHashMap<>());
    ResidentImages resident = sets.get(images);
    if (resident == null) {
      if (rule == Rule.WHERE_THEY_FIT && !suits(images, device, wanted)) {
        return null;
      }
      resident = new ResidentImages(images, device);
      sets.put(images, resident);
    }
    resident.users++;
    return resident;
  }

  private static boolean suits(ImageSet images, ComputeDevice device, int wanted) {
    return (long) wanted * LEAST_PART >= images.size()
        && (long) images.size() * images.imageBytes() <= device.freeBytes() / SHARE_OF_FREE;
  }

  /** Gives up one {@link #acquire}. */
  void release() {
    synchronized (ResidentImages.class) {
      if (--users == 0) {
        OPEN.get(device).remove(images);
        NativeScope.release(bytes);
      }
    }
  }

  /** As the kernels take them; pointers of the caller's scope. */
  Images operand() {
    return new Images(
        new BytePointer(bytes.data_ptr()),
        images.size(),
        images.channels(),
        images.height(),
        images.width(),
        Layout.CHANNELS_FIRST,
        device.nativeIndex());
  }

  private static Tensor read(ImageSet images, ComputeDevice device) {
    int size = images.imageBytes();
    try (PointerScope scope = new PointerScope()) {
      Tensor all =
          torch.empty(
              new long[] {(long) images.size() * size}, device.options(ScalarType.Byte), null);
      int most = Math.max(1, CHUNK / size);
      byte[] chunk = new byte[Math.multiplyExact(most, size)];
      for (int from = 0; from < images.size(); from += most) {
        int count = Math.min(most, images.size() - from);
        for (int i = 0; i < count; i++) {
          images.read(from + i, chunk, i * size);
        }
        Tensor part = all.narrow(0, (long) from * size, (long) count * size);
        if (device.cuda()) {
          try (PointerScope copied = new PointerScope()) {
            Tensor host =
                torch.empty(
                    new long[] {(long) count * size},
                    ComputeDevice.CPU.options(ScalarType.Byte),
                    null);
            new BytePointer(host.data_ptr()).put(chunk, 0, count * size);
            part.copy_(host);
          }
        } else {
          new BytePointer(part.data_ptr()).put(chunk, 0, count * size);
        }
      }
      return NativeScope.own(all);
    }
  }
}
