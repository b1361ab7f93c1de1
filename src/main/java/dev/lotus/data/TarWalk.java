package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Goes through the regular files of a tar archive (POSIX ustar, with GNU's and pax's long names),
 * in order. Entries that point outside the archive's own folder are refused; what one entry, and
 * all together, may claim is limited.
 */
final class TarWalk {
  static final int BLOCK = 512;

  /** Long names are read into memory; a real one has at most 4096 bytes. */
  private static final int MAX_NAME = 1 << 16;

  private TarWalk() {}

  /**
   * How much an archive may claim.
   *
   * @param entries files, folders and links together
   * @param entryBytes of one file
   * @param totalBytes of all, headers too
   */
  record Limits(int entries, long entryBytes, long totalBytes) {
    /** What is held in memory, or comes out of a compressed stream. */
    static final Limits IN_MEMORY = new Limits(200_000, 1L << 29, 1L << 33);

    /** What is read in place: its size is bounded by the archive's own. */
    static final Limits IN_PLACE = new Limits(4_000_000, Long.MAX_VALUE / 4, Long.MAX_VALUE / 2);
  }

  /** Takes one regular file. */
  interface Visitor {
    /**
     * @param where archive and entry, for messages
     * @param offset of the content in the stream
     * @param content at its first byte; whatever is left unread is skipped
     */
    void file(String where, String name, long offset, long size, InputStream content)
        throws IOException;
  }

  /**
   * Visits every regular file.
   *
   * @param archive for messages
   * @param length bytes of the stream where that is known, else {@link Long#MAX_VALUE}
   * @throws InputException if the archive is cut off, damaged, or asks for more than the limits
   */
  static void walk(String archive, InputStream raw, long length, Limits limits, Visitor visitor)
      throws IOException {
    Counting in = new Counting(raw);
    long total = 0;
    String longName = null;
    for (int entry = 0; ; entry++) {
      byte[] header = in.readNBytes(BLOCK);
      if (header.length == 0 || isZero(header)) {
        // The gzip checksum is compared when its end is reached, after tar's own padding.
        in.readNBytes(1 << 20);
        return;
      }
      String where = archive + ", entry " + entry;
      if (header.length < BLOCK) {
        throw cutOff(where, "its header", header.length, BLOCK);
      }
      checkSum(where, header);
      String name = longName != null ? longName : name(header);
      long size = number(where + " (" + name + "): size", header, 124, 12);
      total += Math.max(0, size) + BLOCK;
      refuseOutside(where, name);
      if (size < 0
          || size > limits.entryBytes
          || total > limits.totalBytes
          || entry >= limits.entries) {
        throw new InputException(
            where
                + " ("
                + name
                + ") has "
                + size
                + " bytes, "
                + total
                + " in all: more than any data set here; is it the right archive?");
      }
      long start = in.position;
      if (size > length - start) {
        throw cutOff(where, name, Math.max(0, length - start), size);
      }
      longName = null;
      int type = header[156];
      if (type == 'L' || type == 'x') {
        longName = longName(where, in, size, type);
      } else if (type == '0' || type == 0) {
        visitor.file(where, name, start, size, in);
      }
      in.skipNBytes(size + padding(size) - (in.position - start));
    }
  }

  static InputException cutOff(String where, String name, long got, long size) {
    return new InputException(
        where
            + " ("
            + name
            + ") is cut off: "
            + got
            + " of "
            + size
            + " bytes are there; fetch the archive again");
  }

  /** Also called for the entries of other archives. */
  static void refuseOutside(String where, String name) {
    String plain = name.replace('\\', '/');
    if (plain.startsWith("/")
        || plain.matches("^[A-Za-z]:.*")
        || plain.indexOf('\0') >= 0
        || List.of(plain.split("/")).contains("..")) {
      throw new InputException(where + " points outside the archive: " + name);
    }
  }

  private static long padding(long size) {
    return (BLOCK - size % BLOCK) % BLOCK;
  }

  private static boolean isZero(byte[] block) {
    for (byte b : block) {
      if (b != 0) {
        return false;
      }
    }
    return true;
  }

  /** The next entry's name, from GNU's 'L' entry or pax's "length path=name" record. */
  private static String longName(String where, InputStream in, long size, int type)
      throws IOException {
    if (size > MAX_NAME) {
      throw new InputException(where + " has a name of " + size + " bytes; is it the right file?");
    }
    String text = new String(in.readNBytes((int) size), StandardCharsets.UTF_8);
    if (type == 'L') {
      int end = text.indexOf('\0');
      return end < 0 ? text : text.substring(0, end);
    }
    for (String record : text.split("\n")) {
      int key = record.indexOf(" path=");
      if (key > 0) {
        return record.substring(key + " path=".length());
      }
    }
    return null;
  }

  /** The header's bytes added up, its checksum field counted as blanks. */
  private static void checkSum(String where, byte[] header) {
    long sum = 0;
    for (int i = 0; i < BLOCK; i++) {
      sum += i >= 148 && i < 156 ? ' ' : header[i] & 0xff;
    }
    long written = number(where + ": header checksum", header, 148, 8);
    if (sum != written) {
      throw new InputException(
          where
              + " has a damaged header: checksum "
              + sum
              + ", "
              + written
              + " is written; fetch the archive again");
    }
  }

  private static String name(byte[] header) {
    String name = string(header, 0, 100);
    // GNU's own format writes "ustar " and keeps other things where POSIX has the prefix.
    boolean ustar = string(header, 257, 6).equals("ustar");
    String prefix = ustar ? string(header, 345, 155) : "";
    return prefix.isEmpty() ? name : prefix + "/" + name;
  }

  private static String string(byte[] header, int offset, int length) {
    int end = offset;
    while (end < offset + length && header[end] != 0) {
      end++;
    }
    return new String(header, offset, end - offset, StandardCharsets.UTF_8);
  }

  private static long number(String what, byte[] header, int offset, int length) {
    if ((header[offset] & 0x80) != 0) {
      // GNU's binary form, for what does not fit the octal digits.
      long value = header[offset] & 0x3f;
      for (int i = offset + 1; i < offset + length; i++) {
        if (value >= 1L << 54) {
          throw new InputException(what + " is absurdly large; is it a tar archive?");
        }
        value = value << 8 | header[i] & 0xff;
      }
      return value;
    }
    String digits = string(header, offset, length).strip();
    try {
      return digits.isEmpty() ? 0 : Long.parseUnsignedLong(digits, 8);
    } catch (NumberFormatException e) {
      throw new InputException(
          what + " '" + digits + "' is no octal number; is it a .tar.gz archive?", e);
    }
  }

  /** Knows how far it was read. */
  private static final class Counting extends FilterInputStream {
    private long position;

    Counting(InputStream in) {
      super(in);
    }

    @Override
    public int read() throws IOException {
      int b = in.read();
      position += b < 0 ? 0 : 1;
      return b;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      int got = in.read(buffer, offset, length);
      position += Math.max(0, got);
      return got;
    }

    @Override
    public long skip(long count) throws IOException {
      long skipped = in.skip(count);
      position += skipped;
      return skipped;
    }
  }
}
