package dev.lotus.load;

import dev.lotus.data.ImageSet;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.GatherAugment;
import dev.lotus.kernel.GatherAugment.Draws;
import dev.lotus.kernel.GatherAugment.Images;
import dev.lotus.kernel.GatherAugment.Layout;
import dev.lotus.kernel.GatherAugment.Output;
import dev.lotus.kernel.Matrix;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * One batch in the making: the images as bytes, and how each is to be moved. Background threads
 * fill it, each its own rows; the thread that wants the batch makes floats of it in one pass. Used
 * again and again, in later epochs too. Its memory is direct buffers', outside of every scope.
 */
final class Slot {
  final long[] labels;
  int rows;

  private final ImageSet images;
  private final ByteBuffer pixels;
  private final IntBuffer boxes;
  private final ByteBuffer flips;
  private final LongBuffer indices;

  Slot(ImageSet images, int maxRows) {
    this.images = images;
    labels = new long[maxRows];
    pixels = ByteBuffer.allocateDirect(Math.multiplyExact(maxRows, images.imageBytes()));
    boxes = direct(Math.multiplyExact(Integer.BYTES * 4, maxRows)).asIntBuffer();
    flips = ByteBuffer.allocateDirect(maxRows);
    indices = direct(Math.multiplyExact(Long.BYTES, maxRows)).asLongBuffer();
    for (int row = 0; row < maxRows; row++) {
      indices.put(row, row);
    }
  }

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  /** Rows it has room for. */
  int capacity() {
    return labels.length;
  }

  /** May run for several rows at once. */
  void put(int row, byte[] image, Augmentation.Change change, long label) {
    pixels.put(row * image.length, image);
    boxes.put(4 * row, change.down());
    boxes.put(4 * row + 1, change.across());
    boxes.put(4 * row + 2, images.height());
    boxes.put(4 * row + 3, images.width());
    flips.put(row, (byte) (change.mirrored() ? 1 : 0));
    labels[row] = label;
  }

  /**
   * Moves, mirrors and normalises all rows.
   *
   * @param out host memory, fp32 [rows, channels, height, width]
   */
  void write(GatherAugment normalization, Pointer out) {
    normalization.run(
        new Images(
            new BytePointer(pixels),
            rows,
            images.channels(),
            images.height(),
            images.width(),
            Layout.CHANNELS_FIRST,
            Matrix.CPU),
        new LongPointer(indices),
        rows,
        new Draws(0, 0, null, new IntPointer(boxes), new BytePointer(flips)),
        new Output(
            out, images.height(), images.width(), Layout.CHANNELS_FIRST, DType.FLOAT32, null),
        null);
  }
}
