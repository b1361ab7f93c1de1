package dev.lotus.cli;

import dev.lotus.data.Dataset;
import dev.lotus.data.IndexFile;
import dev.lotus.data.Split;
import dev.lotus.device.InputException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code lotus split}: which samples to forget, which to keep, and the two halves of the held-out
 * set.
 */
@Command(
    name = "split",
    mixinStandardHelpOptions = true,
    description =
        "Choose the samples to forget (default: as in the published runs) and write split.json; any file of that form, by any writer, works too.")
final class SplitCommand implements Callable<Integer> {
  @Mixin DataOptions data;

  @ArgGroup(exclusive = true, multiplicity = "0..1")
  Choice choice;

  /** How the forget set is named; without, it is the one of the published runs. */
  static final class Choice {
    @Option(
        names = "--forget-fraction",
        paramLabel = "F",
        description = "The first int(F n) of the n samples of each class, in published order.")
    Double fraction;

    @Option(names = "--forget-class", paramLabel = "K", description = "All samples of one class.")
    Integer forgetClass;

    @Option(
        names = "--forget-indices",
        paramLabel = "FILE",
        description = "0-based training indices, one a line or separated by blanks or commas.")
    Path indices;
  }

  @Option(
      names = "--shuffle",
      description = "Draw the fraction by --seed instead of taking the first samples.")
  boolean shuffle;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "3407",
      description =
          "Seed of the halves of the held-out set, and of --shuffle (default: ${DEFAULT-VALUE}).")
  long seed;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      required = true,
      description = "The split.json to write.")
  Path out;

  @Option(names = "--debug", description = "Print the stack of an error.")
  boolean debug;

  @Override
  public Integer call() {
    if (shuffle && (choice == null || choice.fraction == null)) {
      throw new InputException("--shuffle goes with --forget-fraction only");
    }
    Dataset dataset = data.open();
    Split split = split(dataset);
    split.write(out);
    System.out.printf(
        "%s: forget %d, retain %d, val %d, test %d%n",
        out, split.forget().length, split.retain().length, split.val().length, split.test().length);
    return Main.DONE;
  }

  private Split split(Dataset dataset) {
    if (choice == null) {
      return Split.published(dataset, seed);
    }
    if (choice.fraction != null) {
      return Split.random(dataset, choice.fraction, shuffle, seed);
    }
    return choice.forgetClass != null
        ? Split.ofClass(dataset, choice.forgetClass, seed)
        : Split.explicit(dataset, IndexFile.read(choice.indices), seed);
  }
}
