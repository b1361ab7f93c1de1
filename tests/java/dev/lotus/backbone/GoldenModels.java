package dev.lotus.backbone;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The files that tests/golden/backbones/make.py made with PyTorch, torchvision and timm. */
final class GoldenModels {
  static final Path FOLDER =
      Path.of(System.getProperty("lotus.basedir", "."), "tests", "golden", "backbones");
  private static final String EXPECTED = ".expected.safetensors";

  private GoldenModels() {}

  static Path file(String name) {
    return FOLDER.resolve(name);
  }

  /** The models of a folder: names that have expected values and weights. */
  static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(f -> f.getFileName().toString())
          .filter(f -> f.endsWith(EXPECTED) && f.matches("(resnet|vit).*"))
          .map(f -> f.substring(0, f.length() - EXPECTED.length()))
          .sorted()
          .toList();
    }
  }

  static Path expected(Path folder, String name) {
    return folder.resolve(name + EXPECTED);
  }

  static Path weights(Path folder, String name) {
    return Stream.of(".pth", ".th", ".safetensors")
        .map(end -> folder.resolve(name + end))
        .filter(Files::exists)
        .findFirst()
        .orElseThrow();
  }
}
