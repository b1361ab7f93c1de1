package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * The files of an archive. A .zip and a .tar are read in place, one file at a time; a .tar.gz has
 * to be read from its beginning and is held in memory. Nothing is unpacked to disk, so no entry can
 * escape a folder or fill the disk. Links to files of the archive stand for these; a link to
 * elsewhere is a file that cannot be read, not one that is left out.
 */
final class ArchiveTree implements FileTree {
  /** Deflate's best is 1032; a file that claims more lies about its size. */
  private static final long MAX_RATIO = 1100;

  private static final long MAX_ENTRY = 1L << 29;
  private static final int MAX_ENTRIES = 4_000_000;

  /** One file of the archive. */
  interface Content {
    /**
     * @param where for messages
     */
    byte[] read(String where) throws IOException;
  }

  private final Path archive;
  private final AutoCloseable opened;
  private final Map<String, Content> contents;
  private final List<String> files;
  private final long heldBytes;

  private ArchiveTree(
      Path archive, AutoCloseable opened, Map<String, Content> contents, long heldBytes) {
    this.heldBytes = heldBytes;
    this.archive = archive;
    this.opened = opened;
    this.contents = contents;
    this.files = contents.keySet().stream().sorted(ORDER).toList();
  }

  static FileTree open(Path archive) {
    try {
      byte[] start;
      try (InputStream in = Files.newInputStream(archive)) {
        start = in.readNBytes(TarWalk.BLOCK);
      }
      if (start.length >= 4 && start[0] == 'P' && start[1] == 'K') {
        return zip(archive);
      }
      if (start.length >= 2 && (start[0] & 0xff) == 0x1f && (start[1] & 0xff) == 0x8b) {
        return compressedTar(archive);
      }
      if (TarWalk.isHeader(start)) {
        return tar(archive);
      }
      throw new InputException(
          archive + " is no folder and no archive; give a folder, a .zip, a .tar or a .tar.gz");
    } catch (IOException e) {
      throw new InputException(
          archive + " is no complete archive: " + AtomicFiles.reason(e) + "; fetch it again", e);
    }
  }

  private static FileTree zip(Path archive) throws IOException {
    ZipFile zip = new ZipFile(archive.toFile());
    try {
      if (zip.size() > MAX_ENTRIES) {
        throw new InputException(archive + " has " + zip.size() + " entries; is it the right one?");
      }
      Map<String, Content> contents = new HashMap<>();
      long room = Files.size(archive);
      for (ZipEntry entry : Collections.list(zip.entries())) {
        String where = archive + ", entry " + entry.getName();
        TarWalk.refuseOutside(where, entry.getName());
        if (entry.isDirectory()) {
          continue;
        }
        long size = entry.getSize();
        if (size < 0
            || size > MAX_ENTRY
            || size / MAX_RATIO > Math.max(1, entry.getCompressedSize())) {
          throw new InputException(
              where
                  + " claims "
                  + size
                  + " bytes, packed into "
                  + entry.getCompressedSize()
                  + ": more than any file of a data set; is it the right archive?");
        }
        room -= entry.getCompressedSize();
        if (room < 0) {
          throw new InputException(
              where + ": the entries so far are larger than the archive, so they overlap");
        }
        TarIndex.put(contents, where, entry.getName(), new Zipped(zip, entry));
      }
      return new ArchiveTree(archive, zip, contents, 0);
    } catch (IOException | RuntimeException e) {
      zip.close();
      throw e;
    }
  }

  private record Zipped(ZipFile zip, ZipEntry entry) implements Content {
    @Override
    public byte[] read(String where) throws IOException {
      try (InputStream in = zip.getInputStream(entry)) {
        byte[] bytes = in.readNBytes((int) entry.getSize());
        if (bytes.length < entry.getSize() || in.read() >= 0) {
          throw new InputException(where + " has another size than it claims; fetch it again");
        }
        CRC32 sum = new CRC32();
        sum.update(bytes);
        if (sum.getValue() != entry.getCrc()) {
          throw new InputException(
              where + " is damaged: its sum is not the archive's; fetch the archive again");
        }
        return bytes;
      }
    }
  }

  private static FileTree compressedTar(Path archive) throws IOException {
    long room = Runtime.getRuntime().maxMemory() / 2;
    TarWalk.Limits limits = new TarWalk.Limits(TarWalk.Limits.IN_MEMORY.entries(), MAX_ENTRY, room);
    long[] held = {0};
    TarIndex index =
        new TarIndex(
            "",
            (where, name, offset, size, content) -> {
              held[0] += size;
              byte[] bytes = TarReader.whole(where, name, size, content);
              return place -> bytes;
            });
    try (InputStream raw = Files.newInputStream(archive);
        InputStream in = new BufferedInputStream(new GZIPInputStream(raw, 1 << 16), 1 << 16)) {
      TarWalk.walk(archive.toString(), in, Long.MAX_VALUE, limits, index);
    }
    return new ArchiveTree(archive, () -> {}, index.resolved(), held[0]);
  }

  private static FileTree tar(Path archive) throws IOException {
    FileChannel channel = FileChannel.open(archive, StandardOpenOption.READ);
    try {
      Map<String, Content> contents =
          index(archive.toString(), channel, 0, channel.size(), "").resolved();
      return new ArchiveTree(archive, channel, contents, 0);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /**
   * Finds the files of a tar inside the channel. ILSVRC's training archive is a tar of one tar a
   * class: such a tar stands for a folder of its name.
   */
  private static TarIndex index(
      String name, FileChannel channel, long start, long length, String folder) throws IOException {
    record Inner(String path, long offset, long size) {}
    List<Inner> inner = new ArrayList<>();
    TarIndex index =
        new TarIndex(
            folder,
            (where, path, offset, size, content) -> {
              if (path.endsWith(".tar") && folder.isEmpty()) {
                inner.add(new Inner(path, start + offset, size));
                return null;
              }
              return new Placed(channel, start + offset, size);
            });
    channel.position(start);
    InputStream in = new SeekingStream(channel, start + length);
    TarWalk.walk(name, in, length, TarWalk.Limits.IN_PLACE, index);
    for (Inner tar : inner) {
      String below = tar.path.substring(0, tar.path.length() - ".tar".length()) + "/";
      index.add(index(name + ":" + tar.path, channel, tar.offset, tar.size, below));
    }
    return index;
  }

  private record Placed(FileChannel channel, long offset, long size) implements Content {
    @Override
    public byte[] read(String where) throws IOException {
      if (size > MAX_ENTRY) {
        throw new InputException(where + " has " + size + " bytes: too many to be read whole");
      }
      ByteBuffer bytes = ByteBuffer.allocate((int) size);
      while (bytes.hasRemaining() && channel.read(bytes, offset + bytes.position()) >= 0) {
        continue;
      }
      if (bytes.hasRemaining()) {
        throw new InputException(where + " is cut off; fetch the archive again");
      }
      return bytes.array();
    }
  }

  /** Part of a channel; skipping costs nothing. */
  private static final class SeekingStream extends InputStream {
    private final FileChannel channel;
    private final InputStream in;
    private final long end;

    SeekingStream(FileChannel channel, long end) {
      this.channel = channel;
      this.in = Channels.newInputStream(channel);
      this.end = end;
    }

    @Override
    public int read() throws IOException {
      return channel.position() < end ? in.read() : -1;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      long left = end - channel.position();
      return left <= 0 && length > 0 ? -1 : in.read(buffer, offset, (int) Math.min(left, length));
    }

    @Override
    public long skip(long count) throws IOException {
      long step = Math.max(0, Math.min(count, end - channel.position()));
      channel.position(channel.position() + step);
      return step;
    }
  }

  @Override
  public List<String> files() {
    return files;
  }

  @Override
  public byte[] read(String path) {
    try {
      return content(path).read(locate(path));
    } catch (IOException e) {
      throw new InputException(
          locate(path) + " cannot be read: " + AtomicFiles.reason(e) + "; fetch it again", e);
    }
  }

  private Content content(String path) {
    Content content = contents.get(path);
    if (content == null) {
      throw new InputException(locate(path) + " is missing");
    }
    return content;
  }

  @Override
  public String locate(String path) {
    return path.isEmpty() ? archive.toString() : archive + ":" + path;
  }

  @Override
  public long heldBytes() {
    return heldBytes;
  }

  @Override
  public void close() {
    try {
      opened.close();
    } catch (Exception e) {
      throw new InputException("cannot close " + archive + ": " + e.getMessage(), e);
    }
  }
}
