package dev.lotus.cli;

import picocli.CommandLine.Option;

/** Whether the makers of model files are trusted. */
final class UntrustedOption {
  static final String NAME = "--untrusted";

  @Option(
      names = NAME,
      description =
          "Refuse TorchScript programs, whose code libtorch runs; weights are read as always (docs/security.md).")
  boolean untrusted;
}
