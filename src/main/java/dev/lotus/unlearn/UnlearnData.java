package dev.lotus.unlearn;

import dev.lotus.data.Dataset;
import dev.lotus.data.Split;
import dev.lotus.device.InputException;

/**
 * The four sets of a run: D_f and D_r over the training images, val (= unseen, D_u) and test over
 * the held-out ones.
 *
 * @param dataset images and labels
 * @param split indices
 */
public record UnlearnData(Dataset dataset, Split split) {
  /**
   * @throws InputException if the split was made for other data, or a set that every run needs is
   *     empty
   */
  public UnlearnData {
    split.checkAgainst(dataset);
    if (split.val().length == 0 || split.test().length == 0) {
      throw new InputException(
          "the split has "
              + split.val().length
              + " val and "
              + split.test().length
              + " test samples; both sets need at least one");
    }
  }

  /** Whether a whole class is to be forgotten: then no unseen data of its kind exist. */
  public boolean forgetsClass() {
    return "class".equals(split.kind());
  }
}
