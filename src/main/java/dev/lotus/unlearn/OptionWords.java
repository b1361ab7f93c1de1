package dev.lotus.unlearn;

import dev.lotus.device.InputException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The words that options, files and records have for the constants of an enum. */
public final class OptionWords {
  private OptionWords() {}

  /** {@code GUMBEL_SOFTMAX} is {@code gumbel-softmax}. */
  public static String of(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** All of them, in their order. */
  public static List<String> of(Enum<?>[] values) {
    return Arrays.stream(values).map(OptionWords::of).toList();
  }

  /**
   * The constant of a word.
   *
   * @param option named where the word is wrong
   * @throws InputException saying which words there are
   */
  public static <E extends Enum<E>> E parse(String option, String word, E[] values) {
    return Arrays.stream(values)
        .filter(value -> of(value).equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new InputException(
                    option + " " + word + ": give " + String.join(" or ", of(values))));
  }
}
