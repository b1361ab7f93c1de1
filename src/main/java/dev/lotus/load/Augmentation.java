package dev.lotus.load;

import dev.lotus.data.Dataset;
import dev.lotus.data.SplitMix;

/**
 * Random changes of a training image: torchvision's RandomCrop(size, padding), then
 * RandomHorizontalFlip(0.5). The padding is black in the image, before normalisation, as there.
 *
 * @param cropPadding pixels added on each side before a window of the old size is cut; 0 = no crop
 * @param flip mirror left to right in half of the cases
 */
public record Augmentation(int cropPadding, boolean flip) {
  /** Images as they are. */
  public static final Augmentation NONE = new Augmentation(0, false);

  /** Keeps augmentation's numbers apart from others of the same seed. */
  private static final long STREAM = 0x6175676d656e74L;

  public Augmentation {
    if (cropPadding < 0 || cropPadding > 1 << 12) {
      throw new IllegalArgumentException("cropPadding is " + cropPadding + ", must be 0..4096");
    }
  }

  /** What the data set's published training runs use. */
  public static Augmentation published(Dataset data) {
    return new Augmentation(data.cropPadding(), data.flip());
  }

  /**
   * What happens to one image: it is moved, what comes in is black, and then mirrored.
   *
   * @param down source row of output row 0
   * @param across source column of output column 0, before mirroring
   */
  record Change(int down, int across, boolean mirrored) {}

  /** The change of the image at {@code position} of the epoch; depends on nothing else. */
  Change draw(long seed, long epoch, long position) {
    long epochKey = SplitMix.hash(SplitMix.hash(seed, STREAM), epoch);
    SplitMix draw = new SplitMix(epochKey, position);
    int window = 2 * cropPadding + 1;
    int down = draw.nextInt(window) - cropPadding;
    int across = draw.nextInt(window) - cropPadding;
    return new Change(down, across, flip && draw.nextLong() < 0);
  }
}
