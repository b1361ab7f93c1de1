package dev.lotus.cli;

import dev.lotus.unlearn.LibraryVersions;
import picocli.CommandLine.IVersionProvider;

/** For {@code --version}. */
final class Versions implements IVersionProvider {
  @Override
  public String[] getVersion() {
    return new String[] {"lotus " + LibraryVersions.program()};
  }
}
