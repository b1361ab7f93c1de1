package dev.lotus.cli;

import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.device.InputException;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Which images, and how they are normalised. */
final class DataOptions {
  @Option(
      names = "--dataset",
      paramLabel = "D",
      required = true,
      description = "synthetic, cifar10, mnist or fashion-mnist.")
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

  /**
   * Seed of the generated images: fixed, so that every command sees the same data whatever its
   * --seed.
   */
  private static final long SYNTHETIC_SEED = 0;

  Dataset open() {
    if (dataset.equals("synthetic") && data != null) {
      throw new InputException(
          "--data " + data + ": the synthetic data set is generated; leave --data out");
    }
    return Datasets.open(dataset, data, SYNTHETIC_SEED);
  }
}
