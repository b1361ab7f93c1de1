package dev.lotus.load;

import dev.lotus.data.ImageSet;
import dev.lotus.device.PinnedMemory;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.GatherAugment;
import dev.lotus.kernel.GatherAugment.Draws;
import dev.lotus.kernel.GatherAugment.Images;
import dev.lotus.kernel.GatherAugment.Layout;
import dev.lotus.kernel.GatherAugment.Output;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * One batch in the making: the numbers of its rows, how each image is to be moved among them, and,
 * unless all images are resident, the images as bytes. Background threads fill it, each its own
 * rows; the thread that wants the batch makes floats of it in one pass. Used again and again, in
 * later epochs too. It is one piece of memory outside of every scope, so that one copy takes all of
 * it to a GPU: a direct buffer, or page-locked memory.
 */
final class Slot implements AutoCloseable {
  /** Where the numbers of rows 0, 1, ... lie, one kind after the other: int64 first. */
  enum Numbers {
    /** int64 [rows]: places in the image set. */
    INDICES(0),
    /** int64 [rows]. */
    LABELS(8),
    /** int64 [rows]: positions in the epoch's order. */
    SAMPLES(16),
    /** int64 [rows]: 0, 1, ...: places among this slot's own images. */
    ROWS(24),
    /** int32 [rows, 4]: top, left, height, width of each image's box. */
    BOXES(32),
    /** [rows] bytes, 1 = mirrored. */
    FLIPS(48),
    /** [rows] bytes, 1 = to be forgotten. */
    IS_FORGET(49);

    private final int at;

    Numbers(int at) {
      this.at = at;
    }
  }

  /** Bytes of all numbers of a row. */
  private static final int ROW_BYTES = 50;

  /** What images begin at a multiple of. */
  private static final int ALIGNMENT = 64;

  int rows;

  /** What a GPU needs to take this over; null elsewhere. */
  final Landing landing;

  private final ImageSet images;
  private final int capacity;
  private final PinnedMemory pinned;
  private final ByteBuffer memory;
  private final ByteBuffer pixels;
  private final LongBuffer indices;
  private final LongBuffer labels;
  private final LongBuffer samples;
  private final IntBuffer boxes;
  private final ByteBuffer flips;
  private final ByteBuffer isForget;

  /**
   * @param withPixels whether it has room for images; else they are resident
   */
  Slot(ImageSet images, int maxRows, boolean withPixels) {
    this(images, maxRows, withPixels, null, null);
  }

  /**
   * In page-locked memory.
   *
   * @param pinned of {@link #bytes}; closed with this
   * @param landing closed with this
   */
  Slot(ImageSet images, int maxRows, boolean withPixels, PinnedMemory pinned, Landing landing) {
    this.images = images;
    this.capacity = maxRows;
    this.pinned = pinned;
    this.landing = landing;
    int bytes = Math.toIntExact(bytes(images, maxRows, withPixels));
    memory =
        (pinned == null ? ByteBuffer.allocateDirect(bytes) : pinned.pointer().asByteBuffer())
            .order(ByteOrder.nativeOrder());
    pixels = withPixels ? part(numberBytes(), bytes - numberBytes()) : null;
    indices = longs(Numbers.INDICES);
    labels = longs(Numbers.LABELS);
    samples = longs(Numbers.SAMPLES);
    LongBuffer own = longs(Numbers.ROWS);
    for (int row = 0; row < maxRows; row++) {
      own.put(row, row);
    }
    boxes = part(offset(Numbers.BOXES), 4 * Integer.BYTES * maxRows).asIntBuffer();
    flips = part(offset(Numbers.FLIPS), maxRows);
    isForget = part(offset(Numbers.IS_FORGET), maxRows);
  }

  /** Memory that a slot takes. */
  static long bytes(ImageSet images, int maxRows, boolean withPixels) {
    return numberBytes(maxRows) + (withPixels ? (long) maxRows * images.imageBytes() : 0);
  }

  private static long numberBytes(int maxRows) {
    return ((long) ROW_BYTES * maxRows + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  private ByteBuffer part(int from, int bytes) {
    return memory.slice(from, bytes).order(ByteOrder.nativeOrder());
  }

  private LongBuffer longs(Numbers which) {
    return part(offset(which), Long.BYTES * capacity).asLongBuffer();
  }

  /** Rows it has room for. */
  int capacity() {
    return capacity;
  }

  /** Whether it has room for images. */
  boolean hasPixels() {
    return pixels != null;
  }

  /** Where numbers of a kind begin, in bytes. */
  int offset(Numbers which) {
    return which.at * capacity;
  }

  /** Bytes before the images. */
  int numberBytes() {
    return (int) numberBytes(capacity);
  }

  /** Bytes that the rows take, from the begin on. */
  long filledBytes() {
    return numberBytes() + (hasPixels() ? (long) rows * images.imageBytes() : 0);
  }

  /** The page-locked memory. */
  PinnedMemory pinned() {
    return pinned;
  }

  /**
   * May run for several rows at once.
   *
   * @param image its bytes; not read where images are resident
   * @param position in the epoch's order
   */
  void put(int row, byte[] image, Augmentation.Change change, EpochOrder order, int position) {
    if (hasPixels()) {
      pixels.put(row * image.length, image);
    }
    int index = order.indices()[position];
    indices.put(row, index);
    labels.put(row, images.label(index));
    samples.put(row, position);
    boxes.put(4 * row, change.down());
    boxes.put(4 * row + 1, change.across());
    boxes.put(4 * row + 2, images.height());
    boxes.put(4 * row + 3, images.width());
    flips.put(row, (byte) (change.mirrored() ? 1 : 0));
    isForget.put(row, order.isForget()[position]);
  }

  /** Its own memory, as a pointer of the caller's scope. */
  BytePointer pointer() {
    return new BytePointer(memory);
  }

  /** Copies the labels, int64 [rows], to host memory. */
  void labels(LongPointer out) {
    Pointer.memcpy(out, new LongPointer(labels), (long) Long.BYTES * rows);
  }

  /**
   * Moves, mirrors and normalises all rows.
   *
   * @param slot this slot's memory, or its copy on a GPU
   * @param resident all images, or null where they are in {@code slot}
   * @param device of all pointers
   * @param out fp32 [rows, channels, height, width]
   * @param stream CUDA stream, or null
   */
  void write(
      GatherAugment normalization,
      BytePointer slot,
      Images resident,
      int device,
      Pointer out,
      Pointer stream) {
    if (rows == 0) {
      return; // another process has the whole batch
    }
    Images source =
        resident != null
            ? resident
            : new Images(
                slot.getPointer(numberBytes()),
                rows,
                images.channels(),
                images.height(),
                images.width(),
                Layout.CHANNELS_FIRST,
                device);
    Numbers places = resident != null ? Numbers.INDICES : Numbers.ROWS;
    normalization.run(
        source,
        new LongPointer(slot.getPointer(offset(places))),
        rows,
        new Draws(
            0,
            0,
            null,
            new IntPointer(slot.getPointer(offset(Numbers.BOXES))),
            slot.getPointer(offset(Numbers.FLIPS))),
        new Output(
            out, images.height(), images.width(), Layout.CHANNELS_FIRST, DType.FLOAT32, null),
        stream);
  }

  /** Gives page-locked memory back; a direct buffer is the collector's. */
  @Override
  public void close() {
    if (landing != null) {
      landing.close();
    }
    if (pinned != null) {
      pinned.close();
    }
  }
}
