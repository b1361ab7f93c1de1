package dev.lotus.data;

import dev.lotus.device.InputException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * Images in JPEG or PNG files, each decoded when it is first read, and kept in a cache. Every file
 * is looked through once when the set is opened: its checksum is taken, and its header and end are
 * checked.
 */
final class EncodedImages implements ImageSet {
  /** Bad files that are named one by one. */
  private static final int NAMED = 20;

  /**
   * One image.
   *
   * @param path in its tree
   * @param label class, from 0
   */
  record Sample(String path, int label) {}

  private final FileTree tree;
  private final List<Sample> samples;
  private final ImageSize size;
  private final PixelCache cache;

  private EncodedImages(FileTree tree, List<Sample> samples, ImageSize size, PixelCache cache) {
    this.tree = tree;
    this.samples = samples;
    this.size = size;
    this.cache = cache;
  }

  /**
   * Looks through all files with all processors, then opens the cache.
   *
   * @param name of data set and part, for the cache file and messages
   * @param checksum takes the labels and the files' sums, in order
   * @param keep whether decoded images may be kept in memory where there is no cache folder
   * @throws InputException naming the first bad file, unless bad ones are to be skipped
   */
  static EncodedImages open(
      String name,
      FileTree tree,
      List<Sample> samples,
      ImageSize size,
      DataSettings settings,
      Checksum checksum,
      boolean keep) {
    int count = samples.size();
    byte[][] sums = new byte[count][];
    InputException[] bad = new InputException[count];
    IntStream.range(0, count)
        .parallel()
        .forEach(
            i -> {
              try {
                sums[i] = lookThrough(tree, samples.get(i).path(), size, settings);
              } catch (InputException e) {
                bad[i] = e;
              }
            });
    List<Sample> good = new ArrayList<>(count);
    List<String> problems = new ArrayList<>();
    Checksum own = new Checksum();
    for (int i = 0; i < count; i++) {
      if (bad[i] != null) {
        problems.add(bad[i].getMessage());
      } else {
        good.add(samples.get(i));
        own.add(ByteBuffer.allocate(4).putInt(samples.get(i).label()).array()).add(sums[i]);
      }
    }
    report(problems, count, settings);
    String sum = own.hex();
    checksum.add(sum.getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    int bytes = 3 * size.height() * size.width();
    PixelCache cache =
        settings.cache() == null
            ? keep ? PixelCache.inMemory(good.size(), bytes) : PixelCache.NONE
            : MappedCache.open(
                settings.cache(),
                CacheName.of(name, size, tree.locate(""), sum),
                good.size(),
                bytes);
    return new EncodedImages(tree, List.copyOf(good), size, cache);
  }

  private static byte[] lookThrough(
      FileTree tree, String path, ImageSize size, DataSettings settings) {
    byte[] bytes = tree.read(path);
    String file = tree.locate(path);
    if (settings.skipBadImages()) {
      // What is to be skipped must be known before samples are counted, so decode now.
      ImageDecoder.decode(file, bytes, size, new byte[3 * size.height() * size.width()], 0);
    } else {
      ImageHeader.check(file, bytes);
    }
    return new Checksum().add(bytes).bytes();
  }

  private static void report(List<String> problems, int count, DataSettings settings) {
    if (problems.isEmpty()) {
      return;
    }
    if (!settings.skipBadImages()) {
      throw new InputException(
          problems.get(0)
              + " ("
              + problems.size()
              + " of "
              + count
              + " images are bad; --skip-bad-images leaves them out)");
    }
    problems.stream().limit(NAMED).forEach(p -> settings.notes().accept("skipped: " + p));
    settings.notes().accept(problems.size() + " of " + count + " images are bad and were skipped");
  }

  @Override
  public int size() {
    return samples.size();
  }

  @Override
  public int channels() {
    return 3;
  }

  @Override
  public int height() {
    return size.height();
  }

  @Override
  public int width() {
    return size.width();
  }

  @Override
  public int label(int index) {
    return samples.get(index).label();
  }

  @Override
  public boolean decodes() {
    return true;
  }

  @Override
  public void read(int index, byte[] dst, int offset) {
    Objects.checkIndex(index, samples.size());
    Objects.checkFromIndexSize(offset, imageBytes(), dst.length);
    if (!cache.get(index, dst, offset)) {
      String path = samples.get(index).path();
      ImageDecoder.decode(tree.locate(path), tree.read(path), size, dst, offset);
      cache.put(index, dst, offset);
    }
  }

  @Override
  public void eraseCached(int[] indices) {
    cache.erase(indices);
  }
}
