package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.bytedeco.opencv.global.opencv_core;

/**
 * Decoded images in a file: a header of {@value #HEADER} bytes, a word of 8 bytes an image, then
 * the images. The word is 0, or has bit 32 set and the image's CRC-32C below, or bit 33: the image
 * was erased and is never put there again. An image counts only if its sum is right, so a file that
 * was left half written, or was damaged, is decoded anew where it is wrong and nowhere else.
 *
 * <p>The file's name ({@link CacheName}) holds a key of everything the pixels depend on. A file of
 * the same place and another key is stale: it is deleted (never changed, other processes may be
 * reading it) and a new one begun.
 */
final class MappedCache implements PixelCache {
  private static final int HEADER = 128;

  /** Pixels depend on the decoder, and on how they are resized: the number counts the changes. */
  private static final String MAGIC = "lotus pixels 2, opencv " + opencv_core.CV_VERSION + "\n";

  private static final long KEPT = 1L << 32;
  private static final long ERASED = 1L << 33;
  private static final int WORD = 8;

  /** Images mapped at once; a map has at most 2^31 bytes. */
  private final int perMap;

  private final int imageBytes;
  private final long firstImage;
  private final FileChannel channel;
  private final MappedByteBuffer[] maps;
  private final Path folder;
  private final CacheName name;
  private final Path file;
  private final int images;

  private MappedCache(Path folder, CacheName name, FileChannel channel, int images, int imageBytes)
      throws IOException {
    this.folder = folder;
    this.name = name;
    this.file = name.in(folder);
    this.images = images;
    this.channel = channel;
    this.imageBytes = imageBytes;
    firstImage = HEADER + (long) WORD * images;
    perMap = Math.max(1, (1 << 30) / imageBytes);
    maps = new MappedByteBuffer[(images + perMap - 1) / perMap];
    for (int m = 0; m < maps.length; m++) {
      int count = Math.min(perMap, images - m * perMap);
      maps[m] =
          channel.map(
              FileChannel.MapMode.READ_ONLY,
              firstImage + (long) m * perMap * imageBytes,
              (long) count * imageBytes);
    }
  }

  /**
   * Opens or begins the cache of one set of images.
   *
   * @throws InputException if the folder cannot be written or has no room
   */
  static PixelCache open(Path folder, CacheName name, int images, int imageBytes) {
    if (images == 0) {
      return NONE;
    }
    Path file = name.in(folder);
    long length = HEADER + (long) images * (WORD + imageBytes);
    byte[] header = header(name);
    try {
      Files.createDirectories(folder);
      delete(folder, name::replaces);
      if (Files.exists(file) && !isWhole(file, header, length)) {
        // Other processes of the run find it stale as well.
        Files.deleteIfExists(file);
      }
      if (!Files.exists(file)) {
        begin(file, header, length);
      }
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
      try {
        return new MappedCache(folder, name, channel, images, imageBytes);
      } catch (IOException | RuntimeException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new InputException(
          "--cache " + folder + ": cannot write " + file + ": " + AtomicFiles.reason(e), e);
    }
  }

  private static byte[] header(CacheName name) {
    byte[] text = (MAGIC + name.key() + "\n").getBytes(StandardCharsets.US_ASCII);
    return Arrays.copyOf(text, HEADER);
  }

  private static List<Path> files(Path folder, Predicate<Path> which) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.filter(which).toList();
    }
  }

  private static void delete(Path folder, Predicate<Path> which) throws IOException {
    for (Path old : files(folder, which)) {
      Files.deleteIfExists(old);
    }
  }

  private static boolean isWhole(Path file, byte[] header, long length) throws IOException {
    try (var in = Files.newInputStream(file)) {
      return Files.size(file) == length && Arrays.equals(in.readNBytes(HEADER), header);
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private static void begin(Path file, byte[] header, long length) throws IOException {
    long room = Files.getFileStore(file.toAbsolutePath().getParent()).getUsableSpace();
    if (room < length) {
      throw new IOException(length + " bytes are needed, " + room + " are free");
    }
    Path temporary = file.resolveSibling(file.getFileName() + "." + ProcessHandle.current().pid());
    try (FileChannel out =
        FileChannel.open(
            temporary,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      out.write(ByteBuffer.wrap(header), 0);
      out.write(ByteBuffer.wrap(new byte[1]), length - 1);
      Files.move(temporary, file, java.nio.file.StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  @Override
  public boolean get(int index, byte[] target, int offset) {
    long word = word(index);
    if ((word & KEPT) == 0) {
      return false;
    }
    int m = index / perMap;
    maps[m].get((index - m * perMap) * imageBytes, target, offset, imageBytes);
    return (int) word == sum(target, offset);
  }

  @Override
  public void put(int index, byte[] source, int offset) {
    if ((word(index) & ERASED) != 0) {
      return;
    }
    // Pixels first: a word without its pixels is only a wrong sum.
    write(ByteBuffer.wrap(source, offset, imageBytes), firstImage + (long) index * imageBytes);
    setWord(index, KEPT | sum(source, offset) & 0xffffffffL);
  }

  /**
   * Erases the images from the caches of the same images at other sizes as well. Those of what the
   * place held before, or holds for other settings, have other indices: they go as a whole.
   */
  @Override
  public void erase(int[] indices) {
    try {
      delete(folder, name::outdates);
      for (Path same : files(folder, name::sameImages)) {
        erase(same, indices);
      }
    } catch (IOException e) {
      throw new InputException(
          "cannot erase images in --cache " + folder + ": " + AtomicFiles.reason(e), e);
    }
  }

  /** What this version cannot have written whole, it cannot erase in: it goes. */
  private void erase(Path same, int[] indices) throws IOException {
    try (FileChannel pixels = FileChannel.open(same, StandardOpenOption.WRITE)) {
      long bytes = (pixels.size() - HEADER) / images - WORD;
      if (bytes < 1 || !isWhole(same, header(name), HEADER + images * (WORD + bytes))) {
        Files.deleteIfExists(same);
        return;
      }
      for (int index : indices) {
        writeFully(pixels, word(ERASED), HEADER + (long) WORD * index);
        writeFully(pixels, ByteBuffer.allocate((int) bytes), firstImage + bytes * index);
      }
      pixels.force(false);
    } catch (NoSuchFileException e) {
      // Another run has deleted the file, and the images with it.
      return;
    }
  }

  private int sum(byte[] bytes, int offset) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, offset, imageBytes);
    return (int) crc.getValue();
  }

  private long word(int index) {
    ByteBuffer word = ByteBuffer.allocate(WORD).order(ByteOrder.LITTLE_ENDIAN);
    try {
      channel.read(word, HEADER + (long) WORD * index);
      return word.getLong(0);
    } catch (IOException e) {
      throw new InputException("cannot read " + file + ": " + AtomicFiles.reason(e), e);
    }
  }

  private void setWord(int index, long value) {
    write(word(value), HEADER + (long) WORD * index);
  }

  private static ByteBuffer word(long value) {
    return ByteBuffer.allocate(WORD).order(ByteOrder.LITTLE_ENDIAN).putLong(0, value);
  }

  private void write(ByteBuffer bytes, long position) {
    try {
      writeFully(channel, bytes, position);
    } catch (IOException e) {
      throw new InputException("cannot write " + file + ": " + AtomicFiles.reason(e), e);
    }
  }

  private static void writeFully(FileChannel out, ByteBuffer bytes, long position)
      throws IOException {
    long at = position;
    while (bytes.hasRemaining()) {
      at += out.write(bytes, at);
    }
  }
}
