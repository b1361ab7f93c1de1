package dev.lotus.data;

import java.nio.charset.StandardCharsets;

/**
 * What samples hold, as one SHA-256 that tells nothing else of them. Of a sample: {@code sample
 * CHANNELS HEIGHT WIDTH LABEL} in ASCII, a zero byte, then its pixels as bytes [channels, height,
 * width]. Of a list: the samples' 32 bytes, one after the other in the list's order.
 */
public final class SampleDigest {
  private SampleDigest() {}

  /** Of one sample, 32 bytes. */
  static byte[] of(ImageSet images, int index) {
    String head =
        "sample "
            + images.channels()
            + " "
            + images.height()
            + " "
            + images.width()
            + " "
            + images.label(index)
            + "\0";
    byte[] pixels = new byte[images.imageBytes()];
    images.read(index, pixels, 0);
    return new Checksum().add(head.getBytes(StandardCharsets.US_ASCII)).add(pixels).bytes();
  }

  /**
   * Of a list of samples, in lower-case hex.
   *
   * @param indices places in the set
   */
  public static String ofList(ImageSet images, int[] indices) {
    Checksum all = new Checksum();
    for (int index : indices) {
      all.add(of(images, index));
    }
    return all.hex();
  }
}
