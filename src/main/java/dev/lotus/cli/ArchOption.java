package dev.lotus.cli;

import picocli.CommandLine.Option;

/** What a foreign file's weights are, where it does not tell itself. */
final class ArchOption {
  @Option(
      names = "--arch",
      paramLabel = "NAME",
      description =
          "Architecture of foreign weights, where it is not recognised by their names and shapes.")
  String name;
}
