package dev.lotus.experiment;

import dev.lotus.data.Dataset;
import dev.lotus.data.ImageSet;
import dev.lotus.data.Normalization;
import dev.lotus.experiment.ExperimentSpec.DataSpec;
import java.util.List;
import java.util.Random;

/**
 * Images of noise with labels in turn: there is nothing to learn but each image itself, so that a
 * network which fits them has over-fitted, and knows nothing of images that it has not seen.
 */
class NoiseData extends Inputs {
  private static final int CLASSES = 4;

  private final Dataset dataset;

  NoiseData(int train, int heldOut, int side) {
    super(null, line -> {});
    dataset =
        new Dataset(
            "synthetic",
            new Noise(side, train, 1),
            new Noise(side, heldOut, 2),
            List.of("a", "b", "c", "d"),
            "0".repeat(64),
            Normalization.uniform(3, 0.5f, 0.25f));
  }

  @Override
  Dataset open(DataSpec spec, String unseen) {
    return dataset;
  }

  private record Noise(int side, int size, int seed) implements ImageSet {
    @Override
    public int channels() {
      return 3;
    }

    @Override
    public int height() {
      return side;
    }

    @Override
    public int width() {
      return side;
    }

    @Override
    public int label(int index) {
      return index % CLASSES;
    }

    @Override
    public void read(int index, byte[] dst, int offset) {
      byte[] image = new byte[imageBytes()];
      new Random(1000L * seed + index).nextBytes(image);
      System.arraycopy(image, 0, dst, offset, image.length);
    }
  }
}
