package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPInputStream;

/**
 * Reads chosen files of a .tar.gz into memory. Nothing is ever unpacked to disk, so an entry cannot
 * escape its folder; archives whose entries try are refused all the same. Format: POSIX ustar,
 * 512-byte blocks.
 */
final class TarReader {
  private static final int BLOCK = 512;
  private static final int MAX_ENTRIES = 100_000;
  private static final long MAX_ENTRY_BYTES = 1L << 29;
  private static final long MAX_TOTAL_BYTES = 1L << 33;

  private TarReader() {}

  /**
   * The contents of the regular files whose last path component is in {@code wanted}, by that
   * component.
   *
   * @throws InputException if the archive is cut off, damaged, or asks for more than an archive of
   *     data sets would
   */
  static Map<String, byte[]> read(Path archive, Set<String> wanted) {
    try (InputStream raw = Files.newInputStream(archive);
        InputStream in = new BufferedInputStream(new GZIPInputStream(raw, 1 << 16), 1 << 16)) {
      return read(archive, in, wanted);
    } catch (IOException e) {
      throw new InputException(
          archive + " is no complete .tar.gz: " + AtomicFiles.reason(e) + "; fetch it again", e);
    }
  }

  private static Map<String, byte[]> read(Path archive, InputStream in, Set<String> wanted)
      throws IOException {
    Map<String, byte[]> found = new HashMap<>();
    long total = 0;
    for (int entry = 0; ; entry++) {
      byte[] header = in.readNBytes(BLOCK);
      if (header.length == 0 || isZero(header)) {
        // The gzip checksum is compared when its end is reached, after tar's own padding.
        in.readNBytes(1 << 20);
        return found;
      }
      String where = archive + ", entry " + entry;
      if (header.length < BLOCK) {
        throw cutOff(where, "its header", header.length, BLOCK);
      }
      checkSum(where, header);
      String name = name(header);
      long size = number(where + " (" + name + "): size", header, 124, 12);
      total += size + BLOCK;
      if (name.startsWith("/") || List.of(name.split("/")).contains("..")) {
        throw new InputException(where + " points outside the archive: " + name);
      }
      if (size > MAX_ENTRY_BYTES || total > MAX_TOTAL_BYTES || entry >= MAX_ENTRIES) {
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
      boolean regular = header[156] == '0' || header[156] == 0;
      String last = name.substring(name.lastIndexOf('/') + 1);
      if (regular && wanted.contains(last)) {
        byte[] content = in.readNBytes((int) size);
        if (content.length < size) {
          throw cutOff(where, name, content.length, size);
        }
        if (found.put(last, content) != null) {
          throw new InputException(where + ": a second file named " + last + " in the archive");
        }
        in.skipNBytes(padding(size));
      } else {
        in.skipNBytes(size + padding(size));
      }
    }
  }

  private static InputException cutOff(String where, String name, long got, long size) {
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
    String digits = string(header, offset, length).strip();
    try {
      return digits.isEmpty() ? 0 : Long.parseUnsignedLong(digits, 8);
    } catch (NumberFormatException e) {
      throw new InputException(
          what + " '" + digits + "' is no octal number; is it a .tar.gz archive?", e);
    }
  }
}
