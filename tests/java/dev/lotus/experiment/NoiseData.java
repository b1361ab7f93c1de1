package dev.lotus.experiment;

import dev.lotus.data.Dataset;
import dev.lotus.data.Normalization;
import dev.lotus.experiment.ExperimentSpec.DataSpec;
import java.util.List;

/**
 * Images of noise with labels in turn: there is nothing to learn but each image itself, so that a
 * network which fits them has over-fitted, and knows nothing of images that it has not seen.
 */
class NoiseData extends Inputs {
  private static final int[] LABELS = {0, 1, 2, 3};

  private final Dataset dataset;

  NoiseData(int train, int heldOut, int side) {
    super(null, false, line -> {});
    dataset =
        new Dataset(
            "synthetic",
            new NoiseImages(side, train, LABELS, 1),
            new NoiseImages(side, heldOut, LABELS, 2),
            List.of("a", "b", "c", "d"),
            "0".repeat(64),
            Normalization.uniform(3, 0.5f, 0.25f));
  }

  @Override
  Dataset open(DataSpec spec, String unseen) {
    return dataset;
  }
}
