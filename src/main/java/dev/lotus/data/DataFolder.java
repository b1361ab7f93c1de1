package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Finds the folder of a data set from what the user gave: that folder, or a folder up to two levels
 * above it (archives unpack to a folder of their own, torchvision adds {@code raw}).
 */
final class DataFolder {
  private static final int LEVELS = 2;

  private DataFolder() {}

  /**
   * The nearest folder at or below {@code given} that {@code holds} the files.
   *
   * @param dataset decides between several at the same level: the one whose path below {@code
   *     given} names it
   * @param wanted what is looked for, in words, for the message
   * @return null if there is none
   * @throws InputException if {@code given} does not exist, or several folders fit equally well
   */
  static Path find(Path given, String dataset, String wanted, Predicate<Path> holds) {
    if (!Files.exists(given)) {
      throw new InputException(
          "--data "
              + given
              + " does not exist ("
              + given.toAbsolutePath()
              + "); it should hold "
              + wanted);
    }
    List<Path> level = List.of(given);
    for (int depth = 0; depth <= LEVELS; depth++) {
      List<Path> fitting = level.stream().filter(holds).toList();
      if (depth > 0) {
        fitting = preferNamed(given, dataset, fitting);
      }
      if (fitting.size() > 1) {
        throw new InputException(
            "--data "
                + given
                + " holds "
                + dataset
                + " files in several folders, "
                + fitting
                + "; name one of them");
      }
      if (!fitting.isEmpty()) {
        return fitting.get(0);
      }
      level = level.stream().flatMap(DataFolder::subfolders).toList();
    }
    return null;
  }

  /**
   * MNIST and Fashion-MNIST use the same file names, so a folder that is named after another data
   * set does not count.
   */
  private static List<Path> preferNamed(Path given, String dataset, List<Path> fitting) {
    String own = letters(dataset);
    List<Path> named = new ArrayList<>();
    List<Path> neutral = new ArrayList<>();
    for (Path folder : fitting) {
      String name = letters(given.relativize(folder).toString());
      if (name.startsWith(own)) {
        named.add(folder);
      } else if (!name.contains("mnist")) {
        neutral.add(folder);
      }
    }
    return named.isEmpty() ? neutral : named;
  }

  private static String letters(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]", "");
  }

  private static Stream<Path> subfolders(Path folder) {
    if (!Files.isDirectory(folder) || !Files.isReadable(folder)) {
      return Stream.empty();
    }
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.filter(Files::isDirectory).sorted().toList().stream();
    } catch (IOException | UncheckedIOException e) {
      throw new InputException("cannot list the folder " + folder + ": " + e.getMessage(), e);
    }
  }
}
