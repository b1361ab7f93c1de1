package dev.lotus.load;

import dev.lotus.data.Dataset;
import dev.lotus.data.ImageSet;
import dev.lotus.data.SplitMix;
import java.util.Locale;

/**
 * Random changes of a training image, before normalisation, in this order: torchvision's
 * RandomCrop(size, padding), RandomHorizontalFlip(0.5), RandomAffine(0, shear, scale) and
 * ColorJitter(brightness, contrast, saturation), on PIL images.
 *
 * @param cropPadding pixels added on each side before a window of the old size is cut; 0 = no crop
 * @param edgePadding whether the added pixels repeat the image's edge; else they are black
 * @param flip mirror left to right in half of the cases
 * @param shear degrees: a horizontal shear of up to this much to either side, about the centre, by
 *     the nearest pixel; what comes in is black
 * @param scale the same step enlarges by a factor within 1 - scale .. 1 + scale
 * @param jitter brightness, contrast and saturation, in random order, each by a factor within 1 -
 *     jitter .. 1 + jitter
 */
public record Augmentation(
    int cropPadding, boolean edgePadding, boolean flip, double shear, double scale, double jitter) {
  /** Images as they are. */
  public static final Augmentation NONE = new Augmentation(0, false);

  /** Keeps augmentation's numbers apart from others of the same seed. */
  private static final long STREAM = 0x6175676d656e74L;

  /** Orders of three steps. */
  private static final int ORDERS = 6;

  /**
   * @throws IllegalArgumentException naming the value that is out of its range
   */
  public Augmentation {
    if (cropPadding < 0 || cropPadding > 1 << 12) {
      throw new IllegalArgumentException("cropPadding is " + cropPadding + ", must be 0..4096");
    }
    requireWithin("shear", shear, 45);
    requireWithin("scale", scale, 0.5);
    requireWithin("jitter", jitter, 1);
  }

  private static void requireWithin(String name, double value, double most) {
    if (!(value >= 0 && value <= most)) {
      throw new IllegalArgumentException(name + " is " + value + ", must be 0.." + most);
    }
  }

  /** A crop of the image with black around it, and perhaps the mirror. */
  public Augmentation(int cropPadding, boolean flip) {
    this(cropPadding, false, flip, 0, 0, 0);
  }

  /**
   * What the published training runs use on a data set. Vision transformers get the whole image,
   * resized, without a crop; the rest of a data set's augmentation is the same for them. A crop is
   * published for images of the set's own size only.
   *
   * @param transformer whether the model is a vision transformer
   */
  public static Augmentation published(Dataset data, boolean transformer) {
    int side = data.train().height();
    return switch (data.name()) {
      case "cifar10", "cifar100" -> new Augmentation(transformer || side != 32 ? 0 : 4, false);
      case "tiny-imagenet" ->
          new Augmentation(transformer || side != 64 ? 0 : 8, true, true, 0, 0, 0);
      case "mufac" -> new Augmentation(0, false, true, 10, 0.2, 0.2);
      default -> NONE;
    };
  }

  /** Whether images are moved and mirrored at most, which GatherAugment does on its way. */
  boolean movesOnly() {
    return shear == 0 && scale == 0 && jitter == 0;
  }

  /**
   * What happens to one image.
   *
   * @param down source row of output row 0
   * @param across source column of output column 0, before mirroring
   * @param edge whether what comes in repeats the edge; else it is black
   * @param affine null = none
   * @param colour null = none
   */
  record Change(
      int down,
      int across,
      boolean edge,
      boolean mirrored,
      PixelChanges.Affine affine,
      PixelChanges.Colour colour) {
    /** Moved over black, then mirrored: what GatherAugment does on its way. */
    Change(int down, int across, boolean mirrored) {
      this(down, across, false, mirrored, null, null);
    }

    /**
     * Makes, in place, the changes that GatherAugment cannot make.
     *
     * @param image uint8 [channels, height, width] of {@code set}'s shape
     * @return what is left for GatherAugment
     */
    Change onPixels(byte[] image, ImageSet set) {
      if (affine == null && colour == null && !(edge && (down != 0 || across != 0))) {
        return this;
      }
      PixelChanges.move(image, set.height(), set.width(), down, across, edge);
      if (mirrored) {
        PixelChanges.mirror(image, set.width());
      }
      if (affine != null) {
        affine.apply(image, set.height(), set.width());
      }
      if (colour != null) {
        colour.apply(image, set.channels());
      }
      return new Change(0, 0, false);
    }
  }

  /** The change of the image at {@code position} of the epoch; depends on nothing else. */
  Change draw(long seed, long epoch, long position) {
    long epochKey = SplitMix.hash(SplitMix.hash(seed, STREAM), epoch);
    SplitMix draw = new SplitMix(epochKey, position);
    int window = 2 * cropPadding + 1;
    int down = draw.nextInt(window) - cropPadding;
    int across = draw.nextInt(window) - cropPadding;
    boolean mirrored = flip && draw.nextLong() < 0;
    PixelChanges.Affine affine = null;
    if (shear > 0 || scale > 0) {
      affine = new PixelChanges.Affine(within(draw, 1, scale), within(draw, 0, shear));
    }
    PixelChanges.Colour colour = null;
    if (jitter > 0) {
      colour =
          new PixelChanges.Colour(
              draw.nextInt(ORDERS),
              within(draw, 1, jitter),
              within(draw, 1, jitter),
              within(draw, 1, jitter));
    }
    return new Change(down, across, edgePadding, mirrored, affine, colour);
  }

  private static float within(SplitMix draw, double centre, double reach) {
    return (float) (centre + reach * (2.0 * draw.nextFloat() - 1));
  }

  /** As recorded in run.json: "crop 8 edge, flip". */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    if (cropPadding > 0) {
      text.append("crop ").append(cropPadding).append(edgePadding ? " edge" : " black");
    }
    text.append(flip ? ", flip" : "");
    text.append(shear > 0 ? String.format(Locale.ROOT, ", shear %s", shear) : "");
    text.append(scale > 0 ? String.format(Locale.ROOT, ", scale %s", scale) : "");
    text.append(jitter > 0 ? String.format(Locale.ROOT, ", jitter %s", jitter) : "");
    return text.isEmpty() ? "none" : text.toString().replaceFirst("^, ", "");
  }
}
