package dev.lotus.cli;

import dev.lotus.data.Dataset;
import java.nio.file.Path;
import picocli.CommandLine.Mixin;
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

  @Mixin ForeignOptions foreign;

  ModelSource openOriginal(String normalize, Dataset dataset) {
    return ModelSource.open("--original", original, foreign, normalize, dataset);
  }
}
