package dev.lotus.bench;

import dev.lotus.data.Dataset;
import dev.lotus.data.Split;
import dev.lotus.unlearn.UnlearnData;
import java.util.Arrays;

/** A corner of a data set. */
final class SmallSets {
  private SmallSets() {}

  /** So many samples of each set. */
  static UnlearnData of(Dataset dataset, int forget, int retain, int heldOut) {
    Split whole = Split.random(dataset, 0.1, false, 1);
    return new UnlearnData(
        dataset,
        new Split(
            Split.SCHEMA,
            whole.dataset(),
            whole.dataSha256(),
            1,
            whole.kind(),
            Arrays.copyOf(whole.forget(), forget),
            Arrays.copyOf(whole.retain(), retain),
            Arrays.copyOf(whole.val(), heldOut),
            Arrays.copyOf(whole.test(), heldOut)));
  }
}
