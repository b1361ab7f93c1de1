package dev.lotus.backbone;

import dev.lotus.device.InputException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a backbone is built from.
 *
 * @param name one of {@link Backbones#names()}
 * @param classes columns of the logits
 * @param channels channels of the images: 3, or 1 for grey ones
 * @param width factor on the channels of every layer: 1 = as published
 * @param imageSize height and width the model is trained at, in pixels; no weight depends on it
 */
public record Arch(String name, int classes, int channels, double width, int imageSize) {
  static final String KEY_NAME = "arch";
  private static final String KEY_CLASSES = "classes";
  private static final String KEY_CHANNELS = "channels";
  private static final String KEY_WIDTH = "width";
  private static final String KEY_IMAGE_SIZE = "image_size";

  /**
   * @throws InputException naming the value that is out of its range
   */
  public Arch {
    if (!Backbones.names().contains(name)) {
      throw new InputException(
          "architecture "
              + name
              + " is not known; there are "
              + String.join(", ", Backbones.names()));
    }
    requireRange("classes", classes, 1, 1_000_000);
    requireRange("channels", channels, 1, 1024);
    requireRange("image size", imageSize, 1, 4096);
    if (!(width > 0 && width <= 16)) {
      throw new InputException("width factor " + width + ": give a number above 0, at most 16");
    }
  }

  /**
   * Channels of a layer that has {@code base} of them as published: times the width factor, to the
   * nearest multiple of 8 (vector registers and tensor cores want that), at least 8.
   */
  public int channelsOf(int base) {
    return Math.max(8, 8 * Math.toIntExact(Math.round(base * width / 8)));
  }

  /** This record as the metadata of a weights file; {@link #fromMetadata} reads it back. */
  public Map<String, String> toMetadata() {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(KEY_NAME, name);
    metadata.put(KEY_CLASSES, Integer.toString(classes));
    metadata.put(KEY_CHANNELS, Integer.toString(channels));
    metadata.put(KEY_WIDTH, Double.toString(width));
    metadata.put(KEY_IMAGE_SIZE, Integer.toString(imageSize));
    return metadata;
  }

  /**
   * Reads what {@link #toMetadata} wrote.
   *
   * @return {@code fallback} with every entry that is there put in its place
   * @throws InputException if an entry is no number or out of its range
   */
  static Arch fromMetadata(Map<String, String> metadata, Arch fallback) {
    return new Arch(
        metadata.getOrDefault(KEY_NAME, fallback.name),
        whole(metadata, KEY_CLASSES, fallback.classes),
        whole(metadata, KEY_CHANNELS, fallback.channels),
        number(metadata, KEY_WIDTH, fallback.width),
        whole(metadata, KEY_IMAGE_SIZE, fallback.imageSize));
  }

  private static int whole(Map<String, String> metadata, String key, int fallback) {
    double value = number(metadata, key, fallback);
    if (value != Math.rint(value) || Math.abs(value) > Integer.MAX_VALUE) {
      throw new InputException("metadata " + key + " = " + metadata.get(key) + ": no whole number");
    }
    return (int) value;
  }

  private static double number(Map<String, String> metadata, String key, double fallback) {
    String text = metadata.get(key);
    try {
      return text == null ? fallback : Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new InputException("metadata " + key + " = " + text + ": no number", e);
    }
  }

  private static void requireRange(String what, int value, int low, int high) {
    if (value < low || value > high) {
      throw new InputException(
          what + " = " + value + ": give a number from " + low + " to " + high);
    }
  }

  /** In words: {@code resnet20 (10 classes, 3 channels, width 1.0)}. */
  @Override
  public String toString() {
    return name + " (" + classes + " classes, " + channels + " channels, width " + width + ")";
  }
}
