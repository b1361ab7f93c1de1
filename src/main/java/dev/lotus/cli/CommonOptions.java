package dev.lotus.cli;

import picocli.CommandLine.Option;

/** Options of every command that computes from one seed. */
final class CommonOptions extends ComputeOptions {
  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "3407",
      description = "Seed of everything random (default: ${DEFAULT-VALUE}).")
  long seed;
}
