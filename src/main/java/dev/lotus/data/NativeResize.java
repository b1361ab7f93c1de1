package dev.lotus.data;

import dev.lotus.device.OpenMpRuntime;
import dev.lotus.kernel.Resize;
import org.bytedeco.javacpp.BytePointer;

/** {@link Resize} from native memory to a Java array. */
final class NativeResize {
  static {
    OpenMpRuntime.share();
  }

  private static final NativeScratch PLANES = new NativeScratch();

  private NativeResize() {}

  /**
   * Brings a picture to its size.
   *
   * @param reverse as in {@link Resize#run}
   * @param target uint8 [channels, size.height, size.width] from {@code offset}
   */
  static void run(
      Resize.Picture picture, boolean reverse, ImageSize size, byte[] target, int offset) {
    int bytes = picture.channels() * size.height() * size.width();
    BytePointer planes = PLANES.of(bytes);
    Resize.run(picture, reverse, size.window(picture.rows(), picture.columns()), planes, null);
    planes.get(target, offset, bytes);
  }
}
