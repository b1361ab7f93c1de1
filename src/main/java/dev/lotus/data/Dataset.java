package dev.lotus.data;

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
 * @param cropPadding zero padding of the published training crop, 0 = no crop
 * @param flip whether the published training augmentation mirrors at random
 */
public record Dataset(
    String name,
    ImageSet train,
    ImageSet heldOut,
    List<String> classNames,
    String sha256,
    Normalization normalization,
    int cropPadding,
    boolean flip) {

  public Dataset {
    Objects.requireNonNull(name);
    Objects.requireNonNull(sha256);
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

  /** Number of classes. */
  public int classes() {
    return classNames.size();
  }

  private static String shape(ImageSet set) {
    return set.channels() + "x" + set.height() + "x" + set.width();
  }
}
