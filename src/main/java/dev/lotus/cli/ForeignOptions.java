package dev.lotus.cli;

import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How models that others made are read. */
final class ForeignOptions {
  @Option(
      names = "--arch",
      paramLabel = "NAME",
      description =
          "Architecture of foreign weights, where it is not recognised by their names and shapes.")
  String arch;

  @Mixin UntrustedOption trust;
}
