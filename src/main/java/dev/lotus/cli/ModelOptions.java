package dev.lotus.cli;

import dev.lotus.data.Dataset;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The model that unlearning starts from. */
final class ModelOptions {
  @Option(
      names = "--original",
      paramLabel = "MODEL",
      required = true,
      description =
          "The model trained on everything: a run folder, weights (safetensors or PyTorch's) or a TorchScript program.")
  Path original;

  @Option(
      names = "--arch",
      paramLabel = "NAME",
      description =
          "Architecture of foreign weights, where it is not recognised by their names and shapes.")
  String arch;

  ModelSource openOriginal(String normalize, Dataset dataset) {
    return ModelSource.open("--original", original, arch, normalize, dataset);
  }
}
