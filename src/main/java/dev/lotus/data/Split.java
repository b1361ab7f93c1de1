package dev.lotus.data;

import dev.lotus.device.InputException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Which training samples are to be forgotten and which kept, and the two halves of the held-out
 * images. All indices count from 0 in published order; {@code forget} and {@code retain} index the
 * training images, {@code val} (the unseen set D_u) and {@code test} the held-out ones. The arrays
 * are shared, not copied: do not write to them.
 *
 * @param schema version of the file format, {@value #SCHEMA}
 * @param dataset name of the data set, null where the file does not say
 * @param dataSha256 checksum of the data set, null where the file does not say
 * @param seed what halved the held-out images (and drew a shuffled forget set); 0 where the file
 *     does not say
 * @param kind {@code random}, {@code class} or {@code explicit}
 * @param forget D_f, not empty
 * @param retain D_r, not empty, disjoint from {@code forget}
 */
public record Split(
    int schema,
    String dataset,
    String dataSha256,
    long seed,
    String kind,
    int[] forget,
    int[] retain,
    int[] val,
    int[] test) {
  /** The version written, and the only one read. */
  public static final int SCHEMA = 1;

  /**
   * Checks what can be checked without the data set.
   *
   * @throws InputException if forget or retain is empty, an index is negative or listed twice, or
   *     forget and retain share one
   */
  public Split {
    if (forget.length == 0) {
      throw new InputException("the forget set is empty: there is nothing to unlearn");
    }
    if (retain.length == 0) {
      throw new InputException("the retain set is empty: leave some training samples to keep");
    }
    int[] sortedForget = sortedDistinct("forget", forget);
    int[] sortedRetain = sortedDistinct("retain", retain);
    requireDisjoint(
        "held-out", "val", sortedDistinct("val", val), "test", sortedDistinct("test", test));
    requireDisjoint("training", "forget", sortedForget, "retain", sortedRetain);
  }

  private static void requireDisjoint(
      String images, String name, int[] a, String otherName, int[] b) {
    for (int i = 0, j = 0; i < a.length && j < b.length; ) {
      if (a[i] == b[j]) {
        throw new InputException(
            images
                + " index "
                + a[i]
                + " is in both "
                + name
                + " and "
                + otherName
                + "; list each sample in one of them");
      }
      if (a[i] < b[j]) {
        i++;
      } else {
        j++;
      }
    }
  }

  private static int[] sortedDistinct(String list, int[] indices) {
    int[] sorted = indices.clone();
    Arrays.sort(sorted);
    if (sorted.length > 0 && sorted[0] < 0) {
      throw new InputException(list + " has the index " + sorted[0] + "; indices count from 0");
    }
    for (int i = 1; i < sorted.length; i++) {
      if (sorted[i] == sorted[i - 1]) {
        throw new InputException(list + " lists the index " + sorted[i] + " twice");
      }
    }
    return sorted;
  }

  /**
   * Forgets the first int(fraction x n_k) training samples of each class k, as the published code
   * does; with {@code shuffle} as many of each class, drawn by {@code seed}. Everything else is
   * retained.
   *
   * @throws InputException if fraction is outside (0, 1) or too small to reach one sample
   */
  public static Split random(Dataset data, double fraction, boolean shuffle, long seed) {
    return SplitBuilder.random(data, fraction, shuffle, seed);
  }

  /**
   * Forgets what the published runs on this data set forget: the first tenth of each class, or the
   * first samples of the files.
   *
   * @throws InputException if the set is too small for that
   */
  public static Split published(Dataset data, long seed) {
    Dataset.PublishedForget forget = data.published();
    return forget.first() > 0
        ? SplitBuilder.first(data, forget.first(), seed)
        : SplitBuilder.random(data, forget.fraction(), false, seed);
  }

  /**
   * Forgets all of class {@code k}.
   *
   * @throws InputException if there is no such class or it has no training sample
   */
  public static Split ofClass(Dataset data, int k, long seed) {
    return SplitBuilder.ofClass(data, k, seed);
  }

  /**
   * Forgets the given training samples.
   *
   * @throws InputException if there are none, one is out of range or listed twice, or nothing would
   *     remain
   */
  public static Split explicit(Dataset data, int[] forget, long seed) {
    return SplitBuilder.explicit(data, forget, seed);
  }

  /**
   * Reads a split file; see {@link SplitFile} for what other writers may leave out.
   *
   * @throws InputException naming the file, the key and the value
   */
  public static Split read(Path file) {
    return SplitFile.read(file);
  }

  /**
   * A split and the very bytes it was read from.
   *
   * @param split what they say
   * @param bytes of the file; shared, not copied
   */
  public record Source(Split split, byte[] bytes) {
    /** SHA-256 of the bytes. */
    public String sha256() {
      return Checksum.ofBytes(bytes);
    }
  }

  /** As {@link #read}, with the bytes: one reading for the split, its sum and its copy. */
  public static Source readSource(Path file) {
    byte[] bytes = SplitFile.bytes(file);
    return new Source(SplitFile.parse(bytes, file), bytes);
  }

  /** Writes the split file, whole or not at all. */
  public void write(Path file) {
    SplitFile.write(this, file);
  }

  /**
   * Checks that this split belongs to {@code data}: its name and checksum where the split has them,
   * and every index.
   *
   * @throws InputException saying what differs
   */
  public void checkAgainst(Dataset data) {
    if (dataset != null && !dataset.equals(data.name())) {
      throw new InputException(
          "the split was made for data set " + dataset + ", the data given are " + data.name());
    }
    if (dataSha256 != null && !dataSha256.equals(data.sha256())) {
      throw new InputException(
          "the split was made for other "
              + data.name()
              + " data: its data_sha256 is "
              + dataSha256
              + ", these data have "
              + data.sha256()
              + "; make a new split with `lotus split`");
    }
    checkRange("forget", forget, "training", data.train().size());
    checkRange("retain", retain, "training", data.train().size());
    checkRange("val", val, "held-out", data.heldOut().size());
    checkRange("test", test, "held-out", data.heldOut().size());
  }

  static void checkRange(String list, int[] indices, String images, int size) {
    for (int index : indices) {
      if (index < 0 || index >= size) {
        throw new InputException(
            list
                + " has the index "
                + index
                + ", but there are "
                + size
                + " "
                + images
                + " images (0.."
                + (size - 1)
                + ")");
      }
    }
  }
}
