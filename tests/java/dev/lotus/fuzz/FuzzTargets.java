package dev.lotus.fuzz;

import dev.lotus.backbone.WeightTargets;
import dev.lotus.data.DataTargets;
import dev.lotus.device.InputException;
import dev.lotus.track.ServerTargets;
import dev.lotus.unlearn.CheckpointTargets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Every parser of what others wrote, by name, with files to begin from. {@link ParserFuzzTest} runs
 * all of them for a moment in every build; {@code tests/fuzz/run} runs one for minutes under
 * Jazzer, whose driver calls {@link #fuzzerTestOneInput} and is guided by the branches taken.
 */
public final class FuzzTargets {
  static final List<String> NAMES =
      Stream.of(
              DataTargets.NAMES,
              WeightTargets.NAMES,
              RecordTargets.NAMES,
              CheckpointTargets.NAMES,
              ServerTargets.NAMES)
          .flatMap(List::stream)
          .toList();

  private static FuzzTarget fuzzed;

  private FuzzTargets() {}

  /**
   * One of {@link #NAMES}.
   *
   * @param temp folder for parsers that read files
   */
  static FuzzTarget target(String name, Path temp) throws IOException {
    Path own = Files.createDirectories(temp.resolve(name));
    if (DataTargets.NAMES.contains(name)) {
      return DataTargets.target(name, own);
    }
    if (WeightTargets.NAMES.contains(name)) {
      return WeightTargets.target(name, own);
    }
    if (RecordTargets.NAMES.contains(name)) {
      return RecordTargets.target(name, own);
    }
    if (CheckpointTargets.NAMES.contains(name)) {
      return CheckpointTargets.target(own);
    }
    if (ServerTargets.NAMES.contains(name)) {
      return ServerTargets.target();
    }
    throw new IllegalArgumentException("no parser " + name + "; there are " + NAMES);
  }

  /** For Jazzer: -Dlotus.fuzz=NAME says which parser. */
  public static void fuzzerInitialize() throws IOException {
    fuzzed = target(System.getProperty("lotus.fuzz"), Files.createTempDirectory("lotus-fuzz"));
    // Native libraries are loaded here, not on the clock of the first input.
    fuzzed.parser().parse(fuzzed.seeds().get(0));
  }

  /** For Jazzer: anything but an {@link InputException} is a finding. */
  public static void fuzzerTestOneInput(byte[] bytes) throws IOException {
    try {
      fuzzed.parser().parse(bytes);
    } catch (InputException e) {
      if (e.getMessage().isBlank()) {
        throw new AssertionError("nothing is said", e);
      }
    }
  }

  /** Writes the seeds of the parser {@code args[0]} to the folder {@code args[1]}. */
  public static void main(String[] args) throws IOException {
    Path folder = Files.createDirectories(Path.of(args[1]));
    List<byte[]> seeds = target(args[0], Files.createTempDirectory("lotus-fuzz")).seeds();
    for (int i = 0; i < seeds.size(); i++) {
      Files.write(folder.resolve("seed" + i), seeds.get(i));
    }
    // Servers of a target have threads of their own.
    System.exit(0);
  }
}
