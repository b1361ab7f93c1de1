package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A file of sample indices, for {@code --forget-indices}: integers from 0, apart by blanks, commas
 * or line ends; the brackets of a JSON list do no harm.
 */
public final class IndexFile {
  private IndexFile() {}

  /**
   * The indices in the order of the file.
   *
   * @throws InputException if the file is not there, holds no index, or something else than indices
   */
  public static int[] read(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          "there is no file " + file + "; give a text file with one sample index a line");
    }
    try {
      List<String> lines = Files.readAllLines(file);
      int[] indices =
          IntStream.range(0, lines.size()).flatMap(i -> line(file, i + 1, lines.get(i))).toArray();
      if (indices.length == 0) {
        throw new InputException(file + " holds no index: there is nothing to forget");
      }
      return indices;
    } catch (CharacterCodingException e) {
      throw new InputException(file + " is no text file; give one sample index a line", e);
    } catch (IOException e) {
      throw new InputException("cannot read " + file + ": " + AtomicFiles.reason(e), e);
    }
  }

  private static IntStream line(Path file, int number, String text) {
    return Arrays.stream(text.split("[\\s,\\[\\]]+"))
        .filter(word -> !word.isEmpty())
        .mapToInt(word -> index(file, number, word));
  }

  private static int index(Path file, int line, String word) {
    try {
      int index = Integer.parseInt(word);
      if (index >= 0) {
        return index;
      }
    } catch (NumberFormatException e) {
      throw new InputException(
          file + ", line " + line + ": '" + word + "' is no sample index (an integer from 0)", e);
    }
    throw new InputException(file + ", line " + line + ": indices count from 0, found " + word);
  }
}
