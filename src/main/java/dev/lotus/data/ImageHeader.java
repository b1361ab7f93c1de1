package dev.lotus.data;

import dev.lotus.device.InputException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.zip.CRC32;

/**
 * What a JPEG or PNG file says of itself, read before a decoder sees it: its size, which the file's
 * own length must be able to back, and whether its end is there. Decoders fill the rest of a cut
 * off picture with grey and say nothing.
 *
 * @param kind JPEG or PNG
 * @param width columns of pixels, before any rotation
 * @param height rows of pixels
 */
record ImageHeader(String kind, int width, int height) {
  /** As Pillow's limit against decompression bombs. */
  private static final long MAX_PIXELS = 89_478_485;

  /** JPEG's own limit. */
  private static final int MAX_SIDE = 65_535;

  /** More than any encoder reaches: a JPEG block of 64 pixels costs at least part of a bit. */
  private static final long JPEG_PIXELS_PER_BYTE = 4096;

  /** Deflate's best, at one bit a pixel. */
  private static final long PNG_PIXELS_PER_BYTE = 1032 * 8;

  /** Each goes over the whole picture, however few bytes it has; encoders make a dozen. */
  private static final int MAX_SCANS = 500;

  private static final VarHandle EIGHT_BYTES =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final int IHDR = 0x49484452;
  private static final int IDAT = 0x49444154;
  private static final int IEND = 0x49454e44;

  /** Announces an animation. */
  private static final int ACTL = 0x6163544c;

  private static final int END_OF_IMAGE = 0xd9;
  private static final int START_OF_SCAN = 0xda;

  /**
   * Reads and checks one file.
   *
   * @param file for messages
   * @throws InputException if it is empty, no JPEG and no PNG, cut off, animated, or claims a size
   *     that its length cannot back
   */
  static ImageHeader check(String file, byte[] bytes) {
    if (bytes.length == 0) {
      throw new InputException(file + " is empty");
    }
    ImageHeader header;
    long ratio;
    if (bytes.length > 3 && at(bytes, 0) == 0xff && at(bytes, 1) == 0xd8) {
      header = jpeg(file, bytes);
      ratio = JPEG_PIXELS_PER_BYTE;
    } else if (bytes.length > 24 && big(bytes, 0) == 0x89504e47 && big(bytes, 4) == 0x0d0a1a0a) {
      header = png(file, bytes);
      ratio = PNG_PIXELS_PER_BYTE;
    } else {
      throw new InputException(file + " is no JPEG and no PNG image");
    }
    long pixels = (long) header.width * header.height;
    int longest = Math.max(header.width, header.height);
    if (pixels < 1 || longest > MAX_SIDE || pixels > MAX_PIXELS || pixels / ratio > bytes.length) {
      throw new InputException(
          file
              + " says it is "
              + header.width
              + "x"
              + header.height
              + " pixels, in "
              + bytes.length
              + " bytes; at most "
              + MAX_PIXELS
              + " pixels that the file can hold are read");
    }
    return header;
  }

  private static ImageHeader jpeg(String file, byte[] bytes) {
    ImageHeader header = null;
    int scans = 0;
    int at = 2;
    while (true) {
      at = marker(bytes, at);
      if (at < 0) {
        throw new InputException(file + " is cut off: its end-of-image marker is not there");
      }
      int marker = at(bytes, at++);
      if (marker == END_OF_IMAGE) {
        break;
      }
      if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
        continue;
      }
      int length = at + 2 <= bytes.length ? at(bytes, at) << 8 | at(bytes, at + 1) : 0;
      if (length < 2 || at + length > bytes.length) {
        throw new InputException(file + " is cut off inside its header, at byte " + at);
      }
      // Start-of-frame markers, but the tables and the arithmetic conditioning among them.
      boolean frame =
          marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
      if (frame && header == null && length >= 8) {
        header =
            new ImageHeader(
                "JPEG",
                at(bytes, at + 5) << 8 | at(bytes, at + 6),
                at(bytes, at + 3) << 8 | at(bytes, at + 4));
      }
      if (marker == START_OF_SCAN && header == null) {
        break;
      }
      if (marker == START_OF_SCAN && ++scans > MAX_SCANS) {
        throw new InputException(
            file + " has more than " + MAX_SCANS + " scans, which no picture needs");
      }
      at += length;
    }
    if (header == null) {
      throw new InputException(file + " is a JPEG without a frame: it has no picture");
    }
    return header;
  }

  /**
   * Place of the next marker's code: in a header the next byte after 0xff, in a scan the first 0xff
   * that neither stands for itself (0 follows) nor for a restart. -1 if there is none.
   */
  private static int marker(byte[] bytes, int from) {
    for (int i = next0xff(bytes, from); i + 1 < bytes.length; i = next0xff(bytes, i + 1)) {
      int code = at(bytes, i + 1);
      if (code != 0 && code != 0xff && (code < 0xd0 || code > 0xd7)) {
        return i + 1;
      }
    }
    return -1;
  }

  /** Place of the first 0xff, or the length; eight bytes at a time, since a scan is nearly all. */
  private static int next0xff(byte[] bytes, int from) {
    int i = from;
    for (; i + Long.BYTES <= bytes.length; i += Long.BYTES) {
      long inverted = ~(long) EIGHT_BYTES.get(bytes, i);
      long zeros = (inverted - 0x0101010101010101L) & ~inverted & 0x8080808080808080L;
      if (zeros != 0) {
        return i + Long.numberOfTrailingZeros(zeros) / Byte.SIZE;
      }
    }
    while (i < bytes.length && bytes[i] != (byte) 0xff) {
      i++;
    }
    return i;
  }

  /** Animations are refused: OpenCV's own reader of their frames runs over its memory. */
  private static ImageHeader png(String file, byte[] bytes) {
    ImageHeader header = null;
    boolean picture = false;
    for (int at = 8; ; ) {
      if (bytes.length - at < 12) {
        throw new InputException(file + " is cut off: its last chunk is not there");
      }
      int length = big(bytes, at);
      int type = big(bytes, at + 4);
      if (length < 0 || length > bytes.length - at - 12) {
        throw new InputException(file + " is cut off: the chunk at byte " + at + " is incomplete");
      }
      CRC32 crc = new CRC32();
      crc.update(bytes, at + 4, length + 4);
      if ((int) crc.getValue() != big(bytes, at + 8 + length)) {
        throw new InputException(
            file + " is damaged: the chunk at byte " + at + " has a wrong sum");
      }
      if (header == null) {
        if (type != IHDR || length != 13) {
          throw new InputException(file + " is damaged: it does not begin with its header");
        }
        header = new ImageHeader("PNG", big(bytes, at + 8), big(bytes, at + 12));
        if (header.width < 1 || header.height < 1) {
          throw new InputException(file + " says it has no pixels");
        }
      } else if (type == ACTL) {
        throw new InputException(file + " is an animated PNG: only still pictures are read");
      } else if (type == IEND) {
        if (!picture) {
          throw new InputException(file + " is a PNG without data: it has no picture");
        }
        return header;
      }
      picture |= type == IDAT;
      at += 12 + length;
    }
  }

  private static int at(byte[] bytes, int i) {
    return bytes[i] & 0xff;
  }

  private static int big(byte[] bytes, int i) {
    return at(bytes, i) << 24 | at(bytes, i + 1) << 16 | at(bytes, i + 2) << 8 | at(bytes, i + 3);
  }
}
