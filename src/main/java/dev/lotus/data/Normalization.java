package dev.lotus.data;

import dev.lotus.device.InputException;
import java.util.Arrays;

/**
 * Mean and standard deviation of each channel on the 0..1 scale: input = (pixel / 255 - mean) /
 * std.
 *
 * @param mean [channels]
 * @param std [channels], positive
 */
public record Normalization(float[] mean, float[] std) {
  /** CIFAR-10 as in the published code. */
  public static final Normalization CIFAR10 =
      new Normalization(new float[] {.4914f, .4822f, .4465f}, new float[] {.2023f, .1994f, .2010f});

  /** ImageNet as in torchvision. */
  public static final Normalization IMAGENET =
      new Normalization(new float[] {.485f, .456f, .406f}, new float[] {.229f, .224f, .225f});

  public static final Normalization MNIST =
      new Normalization(new float[] {.1307f}, new float[] {.3081f});

  public static final Normalization FASHION_MNIST =
      new Normalization(new float[] {.2860f}, new float[] {.3530f});

  public Normalization {
    if (mean.length == 0 || mean.length != std.length) {
      throw new InputException(
          "normalisation needs as many means as standard deviations, got "
              + mean.length
              + " and "
              + std.length);
    }
    for (int c = 0; c < mean.length; c++) {
      if (!Float.isFinite(mean[c]) || !Float.isFinite(std[c]) || std[c] <= 0) {
        throw new InputException(
            "normalisation of channel "
                + c
                + " is mean "
                + mean[c]
                + ", std "
                + std[c]
                + "; both must be finite and the standard deviation above 0");
      }
    }
  }

  /** The same mean and standard deviation for every channel. */
  public static Normalization uniform(int channels, float mean, float std) {
    float[] means = new float[channels];
    float[] stds = new float[channels];
    Arrays.fill(means, mean);
    Arrays.fill(stds, std);
    return new Normalization(means, stds);
  }

  public int channels() {
    return mean.length;
  }

  /**
   * Reads the {@code --normalize} option.
   *
   * @param text {@code cifar10}, {@code imagenet}, {@code none} (mean 0, std 1), numbers {@code
   *     M,M,M:S,S,S}, or null
   * @param datasetOwn what null stands for; its channel count is required of the others
   * @throws InputException if the text is none of these or its channels do not fit
   */
  public static Normalization parse(String text, Normalization datasetOwn) {
    if (text == null) {
      return datasetOwn;
    }
    Normalization found =
        switch (text) {
          case "cifar10" -> CIFAR10;
          case "imagenet" -> IMAGENET;
          case "none" -> uniform(datasetOwn.channels(), 0, 1);
          default -> numbers(text);
        };
    if (found.channels() != datasetOwn.channels()) {
      throw new InputException(
          "--normalize "
              + text
              + " has "
              + found.channels()
              + " channels, the images have "
              + datasetOwn.channels()
              + "; give as many numbers as channels, M:S for grey images");
    }
    return found;
  }

  private static Normalization numbers(String text) {
    String[] halves = text.split(":", -1);
    if (halves.length != 2) {
      throw new InputException(
          "--normalize " + text + " is neither cifar10, imagenet, none nor M,M,M:S,S,S");
    }
    return new Normalization(floats(text, halves[0]), floats(text, halves[1]));
  }

  private static float[] floats(String text, String list) {
    String[] parts = list.split(",", -1);
    float[] values = new float[parts.length];
    for (int i = 0; i < parts.length; i++) {
      try {
        values[i] = Float.parseFloat(parts[i].strip());
      } catch (NumberFormatException e) {
        throw new InputException(
            "--normalize "
                + text
                + ": '"
                + parts[i]
                + "' is not a number; give cifar10, imagenet, none or M,M,M:S,S,S",
            e);
      }
    }
    return values;
  }

  /** Same numbers; the arrays are compared by content. */
  @Override
  public boolean equals(Object other) {
    return other instanceof Normalization n
        && Arrays.equals(mean, n.mean)
        && Arrays.equals(std, n.std);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(mean) + Arrays.hashCode(std);
  }

  /** The form {@link #parse} reads, as recorded in run.json. */
  @Override
  public String toString() {
    return join(mean) + ":" + join(std);
  }

  private static String join(float[] values) {
    StringBuilder text = new StringBuilder();
    for (float value : values) {
      text.append(text.length() == 0 ? "" : ",").append(value);
    }
    return text.toString();
  }
}
