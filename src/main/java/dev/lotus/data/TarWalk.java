package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Goes through the files and links of a tar archive (v7, POSIX ustar and pax, GNU), in order.
 * Entries that point outside the archive's own folder are refused, and so are sparse files, files
 * that go on in another volume, and an archive without its end mark: nothing is left out silently.
 * What one entry, and all together, may claim is limited.
 */
final class TarWalk {
  static final int BLOCK = 512;

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

    /**
     * Takes a link; no content is stored for it.
     *
     * @param target as written: of a symbolic link relative to its own folder, else to the archive
     */
    default void link(String where, String name, String target, boolean symbolic) {
      // Who looks for files of known names finds them as files.
    }
  }

  /**
   * Visits every regular file and every link.
   *
   * @param archive for messages
   * @param length bytes of the stream where that is known, else {@link Long#MAX_VALUE}
   * @throws InputException if the archive is cut off, damaged, or asks for more than the limits
   */
  static void walk(String archive, InputStream raw, long length, Limits limits, Visitor visitor)
      throws IOException {
    Counting in = new Counting(raw);
    long total = 0;
    TarExtension extension = new TarExtension();
    for (int entry = 0; ; entry++) {
      byte[] header = in.readNBytes(BLOCK);
      if (header.length == 0) {
        throw new InputException(
            archive + " has no end mark after entry " + entry + ": it is cut off; fetch it again");
      }
      if (isZero(header)) {
        // The gzip checksum is compared when its end is reached, after tar's own padding.
        in.readNBytes(1 << 20);
        return;
      }
      String where = archive + ", entry " + entry;
      if (header.length < BLOCK) {
        throw cutOff(where, "its header", header.length, BLOCK);
      }
      checkSum(where, header);
      int type = header[156];
      String name = extension.nameOr(name(header));
      boolean bodiless = type >= '1' && type <= '6';
      long written = bodiless ? 0 : number(where + " (" + name + "): size", header, 124, 12);
      long size = extension.sizeOr(type, written);
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
      if (TarExtension.isExtension(type)) {
        extension.read(where, in, size, type);
      } else {
        visit(visitor, where, type, name, size, extension.linkOr(string(header, 157, 100)), in);
        extension = new TarExtension();
      }
      in.skipNBytes(size + padding(size) - (in.position - start));
    }
  }

  private static void visit(
      Visitor visitor, String where, int type, String name, long size, String link, Counting in)
      throws IOException {
    switch (type) {
      case 0, '0', '7' -> {
        // Archives of before 1988 have no type for folders, only the slash.
        if (!name.endsWith("/")) {
          visitor.file(where, name, in.position, size, in);
        }
      }
      case '1', '2' -> visitor.link(where, name, link, type == '2');
      case 'S', 'M' ->
          throw new InputException(
              where
                  + " ("
                  + name
                  + (type == 'S' ? ") is a sparse file" : ") goes on from another volume")
                  + ", which is not read; pack it anew, without --sparse and --multi-volume");
      default -> {
        // Folders, devices, labels: nothing to read.
      }
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

  /** Whether a block is the header of a tar entry: its own checksum says so. */
  static boolean isHeader(byte[] block) {
    if (block.length < BLOCK || isZero(block)) {
      return false;
    }
    try {
      checkSum("", block);
      return true;
    } catch (InputException e) {
      return false;
    }
  }

  private static boolean isZero(byte[] block) {
    for (byte b : block) {
      if (b != 0) {
        return false;
      }
    }
    return true;
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
