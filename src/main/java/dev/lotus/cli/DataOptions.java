package dev.lotus.cli;

import dev.lotus.data.DataSettings;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.device.InputException;
import java.nio.file.Path;
import java.util.function.Consumer;
import picocli.CommandLine.Option;

/** Which images, and how they are normalised. */
final class DataOptions {
  private static final int MAX_SIDE = 2048;

  @Option(
      names = "--dataset",
      paramLabel = "D",
      required = true,
      description =
          "synthetic, cifar10, cifar100, mnist, fashion-mnist, tiny-imagenet, imagenet, mufac or image-folder.")
  String dataset;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder of the data set's files, its parent, or their archive; synthetic needs none.")
  Path data;

  @Option(
      names = "--normalize",
      paramLabel = "N",
      description =
          "cifar10, imagenet, none or M,M,M:S,S,S (default: what the model's run folder recorded, else the data set's own).")
  String normalize;

  @Option(
      names = "--cache",
      paramLabel = "DIR",
      description =
          "Keep decoded images in files here, so that later epochs and runs need not decode (default: in memory).")
  Path cache;

  @Option(
      names = "--keep-cache",
      description =
          "Leave decoded copies of the forget set in --cache after unlearning (default: they are erased).")
  boolean keepCache;

  @Option(
      names = "--skip-bad-images",
      description = "Leave out image files that cannot be decoded, and name them.")
  boolean skipBadImages;

  @Option(
      names = "--image-size",
      paramLabel = "N",
      description = "Resize the images to NxN (default: the data set's own size).")
  Integer imageSize;

  @Option(
      names = "--per-class",
      paramLabel = "N",
      description =
          "Use the first N training images of each class; 0 = all (default: all; imagenet 50, as published).")
  Integer perClass;

  @Option(
      names = "--held-out",
      paramLabel = "F",
      description =
          "Where a data set has no held-out images: hold out this share of each class of training.")
  Double heldOut;

  @Option(
      names = "--unseen",
      paramLabel = "DIR",
      description =
          "Images from elsewhere, a folder a class, that stand for unseen data; all held-out images are then test.")
  Path unseen;

  /**
   * Seed of the generated images: fixed, so that every command sees the same data whatever its
   * --seed.
   */
  private static final long SYNTHETIC_SEED = 0;

  /** The data set, which must have held-out images. */
  Dataset open() {
    Dataset opened =
        read(
            line -> {
              if (Ranks.first()) {
                System.err.println("lotus: " + line);
              }
            });
    if (opened.heldOut().size() == 0) {
      throw new InputException(
          "data set "
              + opened.name()
              + " has no held-out images in "
              + data
              + "; give --held-out F to take a share of the training images");
    }
    return opened;
  }

  /**
   * The data set as it is.
   *
   * @param notes takes lines about what was skipped
   */
  Dataset read(Consumer<String> notes) {
    if (dataset.equals("synthetic") && data != null) {
      throw new InputException(
          "--data " + data + ": the synthetic data set is generated; leave --data out");
    }
    if (keepCache && cache == null) {
      throw new InputException("--keep-cache goes with --cache only");
    }
    if (imageSize != null && (imageSize < 1 || imageSize > MAX_SIDE)) {
      throw new InputException("--image-size " + imageSize + ": give 1 to " + MAX_SIDE);
    }
    if (perClass != null && perClass < 0) {
      throw new InputException("--per-class " + perClass + ": give 0 or more");
    }
    if (heldOut != null && !(heldOut > 0 && heldOut < 1)) {
      throw new InputException("--held-out " + heldOut + ": give a share above 0 and below 1");
    }
    return Datasets.open(
        dataset,
        data,
        new DataSettings(
            SYNTHETIC_SEED,
            skipBadImages,
            cache,
            imageSize == null ? 0 : imageSize,
            perClass == null ? -1 : perClass,
            heldOut == null ? 0 : heldOut,
            unseen,
            notes));
  }
}
