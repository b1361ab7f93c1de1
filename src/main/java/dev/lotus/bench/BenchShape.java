package dev.lotus.bench;

import dev.lotus.device.InputException;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * What a benchmark is run on: {@code 256x1000} logits, {@code 512x3x32x32} images, {@code resnet18}
 * the parameters of that network.
 */
public record BenchShape(Kind kind, long... sides) {
  /** What the numbers mean. */
  public enum Kind {
    /** Rows x classes. */
    LOGITS("ROWSxCLASSES"),
    /** Images x channels x height x width. */
    IMAGES("IMAGESxCHANNELSxHEIGHTxWIDTH"),
    /** The parameter tensors of ResNet18 with ten classes; no numbers. */
    WEIGHTS("resnet18");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    /** How a user writes it. */
    public String words() {
      return words;
    }
  }

  private static final long MOST_ELEMENTS = 1L << 31;

  /**
   * @throws InputException where the text is none of the three forms
   */
  public static BenchShape parse(String text) {
    if (text.equals("resnet18")) {
      return new BenchShape(Kind.WEIGHTS);
    }
    String[] parts = text.split("x", -1);
    if (!text.matches("[1-9]\\d{0,9}(x[1-9]\\d{0,9})+")
        || (parts.length != 2 && parts.length != 4)) {
      throw new InputException(
          "--shape "
              + text
              + ": give ROWSxCLASSES such as 256x1000, IMAGESxCHANNELSxHEIGHTxWIDTH, or resnet18");
    }
    long[] sides = Arrays.stream(parts).mapToLong(Long::parseLong).toArray();
    double elements = Arrays.stream(sides).asDoubleStream().reduce(1, (a, b) -> a * b);
    if (elements > MOST_ELEMENTS) {
      throw new InputException("--shape " + text + ": more than " + MOST_ELEMENTS + " elements");
    }
    return new BenchShape(sides.length == 2 ? Kind.LOGITS : Kind.IMAGES, sides);
  }

  /** Rows, images, or (of weights) 1. */
  public long rows() {
    return kind == Kind.WEIGHTS ? 1 : sides[0];
  }

  /** Elements a row; of weights, all parameters. */
  public long cols() {
    return kind == Kind.WEIGHTS
        ? ResNet18Sizes.total()
        : Arrays.stream(sides).skip(1).reduce(1, Math::multiplyExact);
  }

  @Override
  public String toString() {
    return kind == Kind.WEIGHTS
        ? "resnet18"
        : Arrays.stream(sides).mapToObj(Long::toString).collect(Collectors.joining("x"));
  }
}
