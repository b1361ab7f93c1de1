package dev.lotus.data;

import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * How a data set is opened.
 *
 * @param seed what {@code synthetic} is generated from; the others ignore it
 * @param skipBadImages leave out files that cannot be decoded, and say so, instead of refusing the
 *     set
 * @param cache folder for decoded images, or null to keep them in memory
 * @param imageSize side of the square images, 0 = the data set's own
 * @param perClass training images of each class that take part, in published order; 0 = all, -1 =
 *     as published for the data set
 * @param heldOut share of each class of training that is held out where the set has no held-out
 *     images, 0 = none
 * @param unseen folder of images (a folder a class) that stand for unseen data, or null
 * @param notes takes lines about what was skipped
 */
public record DataSettings(
    long seed,
    boolean skipBadImages,
    Path cache,
    int imageSize,
    int perClass,
    double heldOut,
    Path unseen,
    Consumer<String> notes) {
  /** Everything as published; notes go nowhere. */
  public static final DataSettings PUBLISHED =
      new DataSettings(0, false, null, 0, -1, 0, null, line -> {});

  /** With another seed. */
  public DataSettings withSeed(long other) {
    return new DataSettings(
        other, skipBadImages, cache, imageSize, perClass, heldOut, unseen, notes);
  }

  /** Nothing held out and no unseen data: how the unseen folder itself is opened. */
  DataSettings plain() {
    return new DataSettings(seed, skipBadImages, cache, imageSize, 0, 0, null, notes);
  }
}
