package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.zip.GZIPInputStream;

/**
 * Reads chosen files of a .tar.gz into memory. Nothing is ever unpacked to disk, so an entry cannot
 * escape its folder; archives whose entries try are refused all the same.
 */
final class TarReader {
  private TarReader() {}

  /**
   * The contents of the regular files whose last path component is in {@code wanted}, by that
   * component.
   *
   * @throws InputException if the archive is cut off, damaged, or asks for more than an archive of
   *     data sets would
   */
  static Map<String, byte[]> read(Path archive, Set<String> wanted) {
    Map<String, byte[]> found = new HashMap<>();
    long[] room = {Runtime.getRuntime().maxMemory() / 2};
    try (InputStream raw = Files.newInputStream(archive);
        InputStream in = new BufferedInputStream(new GZIPInputStream(raw, 1 << 16), 1 << 16)) {
      TarWalk.walk(
          archive.toString(),
          in,
          Long.MAX_VALUE,
          TarWalk.Limits.IN_MEMORY,
          (where, name, offset, size, content) -> {
            String last = name.substring(name.lastIndexOf('/') + 1);
            if (!wanted.contains(last)) {
              return;
            }
            room[0] -= size;
            if (room[0] < 0) {
              throw new InputException(
                  where
                      + " ("
                      + name
                      + ") has "
                      + size
                      + " bytes, with those before it more than half of the memory; is it the right"
                      + " archive?");
            }
            if (found.put(last, whole(where, name, size, content)) != null) {
              throw new InputException(where + ": a second file named " + last + " in the archive");
            }
          });
      return found;
    } catch (IOException e) {
      throw new InputException(
          archive + " is no complete .tar.gz: " + AtomicFiles.reason(e) + "; fetch it again", e);
    }
  }

  /** One entry's content; memory grows with what really arrives, not with what is claimed. */
  static byte[] whole(String where, String name, long size, InputStream content)
      throws IOException {
    byte[] bytes = content.readNBytes((int) size);
    if (bytes.length < size) {
      throw TarWalk.cutOff(where, name, bytes.length, size);
    }
    return bytes;
  }
}
