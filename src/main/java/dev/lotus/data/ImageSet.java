package dev.lotus.data;

/**
 * Labelled images of one size, in their published order. Implementations are immutable and may be
 * read from several threads.
 */
public interface ImageSet {
  /** Number of images. */
  int size();

  int channels();

  /** Rows of pixels. */
  int height();

  /** Columns of pixels. */
  int width();

  /** Class of image {@code index}, from 0. */
  int label(int index);

  /**
   * Copies image {@code index} as uint8 planes, [channels, height, width], to {@code
   * dst[offset...]}.
   *
   * @throws IndexOutOfBoundsException if there is no such image or {@code dst} is too short
   */
  void read(int index, byte[] dst, int offset);

  /** Whether a read is real work (decoding, resizing) that several threads should share. */
  default boolean decodes() {
    return false;
  }

  /**
   * Removes decoded copies of images, pixels and all, from any cache that outlives the process; the
   * images themselves stay readable.
   */
  default void eraseCached(int[] indices) {
    // Nothing is kept beside the images.
  }

  /** Bytes of one image: channels x height x width. */
  default int imageBytes() {
    return channels() * height() * width();
  }
}
