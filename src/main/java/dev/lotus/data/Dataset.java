package dev.lotus.data;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/**
 * A data set, read whole and checked.
 *
 * @param name one of {@link Datasets#names()}
 * @param train training images in published order
 * @param heldOut images never trained on (the published test files), same shape as {@code train}
 * @param classNames one a class; its size is the number of classes
 * @param sha256 over the contents of the files in published order, unpacked, so that a folder and
 *     its archive agree; over pixels and labels where there are no files
 * @param normalization the data set's own statistics
 * @param unseenFrom held-out images from this index on are the unseen data (val), those before it
 *     are test; {@link #HALVED} = both are drawn by seed when a split is made
 * @param published the forget set that a split takes when the user names none
 */
public record Dataset(
    String name,
    ImageSet train,
    ImageSet heldOut,
    List<String> classNames,
    String sha256,
    Normalization normalization,
    int unseenFrom,
    PublishedForget published) {
  /** {@code unseenFrom} of a data set whose held-out images are halved by seed. */
  public static final int HALVED = -1;

  /** The first samples of each class, or of all, in published order. */
  public record PublishedForget(double fraction, int first) {
    /** A tenth of each class. */
    public static final PublishedForget TENTH = new PublishedForget(0.1, 0);
  }

  /** Held-out images that are halved by seed, and a tenth of each class to forget. */
  public Dataset(
      String name,
      ImageSet train,
      ImageSet heldOut,
      List<String> classNames,
      String sha256,
      Normalization normalization) {
    this(name, train, heldOut, classNames, sha256, normalization, HALVED, PublishedForget.TENTH);
  }

  public Dataset {
    Objects.requireNonNull(name);
    Objects.requireNonNull(sha256);
    Objects.requireNonNull(published);
    if (unseenFrom != HALVED && (unseenFrom < 0 || unseenFrom > heldOut.size())) {
      throw new IllegalArgumentException(
          "unseenFrom is " + unseenFrom + " of " + heldOut.size() + " held-out images");
    }
    classNames = List.copyOf(classNames);
    if (train.channels() != heldOut.channels()
        || train.height() != heldOut.height()
        || train.width() != heldOut.width()) {
      throw new IllegalArgumentException(
          "training images are " + shape(train) + ", held-out images " + shape(heldOut));
    }
    if (normalization.channels() != train.channels()) {
      throw new IllegalArgumentException(
          "normalisation has "
              + normalization.channels()
              + " channels, images "
              + train.channels());
    }
  }

  /**
   * The same data set with other images.
   *
   * @param how what was changed, which becomes part of the checksum; "" = only the form of the
   *     images, not which they are
   */
  Dataset with(ImageSet newTrain, ImageSet newHeldOut, String how, int newUnseenFrom) {
    String sum =
        how.isEmpty()
            ? sha256
            : new Checksum().add((sha256 + " " + how).getBytes(StandardCharsets.UTF_8)).hex();
    return new Dataset(
        name, newTrain, newHeldOut, classNames, sum, normalization, newUnseenFrom, published);
  }

  /**
   * The same data set with the held-out images behind the training images: held-out image i is also
   * training image {@code train().size() + i}. For models that are to be trained on some of them.
   */
  public Dataset withHeldOutInTraining() {
    return with(new Views.Joined(train, heldOut), heldOut, "held-out in training", unseenFrom);
  }

  /** Number of classes. */
  public int classes() {
    return classNames.size();
  }

  private static String shape(ImageSet set) {
    return set.channels() + "x" + set.height() + "x" + set.width();
  }
}
