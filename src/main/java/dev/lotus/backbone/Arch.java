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
 * @param imageSize height and width the model is trained at, in pixels; of the weights only a
 *     transformer's position embeddings depend on it
 * @param depth blocks of a transformer; 0 for a ResNet, whose name says it
 * @param layerNormEps of a transformer: 1e-6 as torchvision and timm, 1e-12 as Hugging Face
 */
public record Arch(
    String name,
    int classes,
    int channels,
    double width,
    int imageSize,
    int depth,
    double layerNormEps) {
  private static final String CUSTOM = "custom";
  static final String KEY_NAME = "arch";
  private static final String KEY_CLASSES = "classes";
  private static final String KEY_CHANNELS = "channels";
  private static final String KEY_WIDTH = "width";
  private static final String KEY_IMAGE_SIZE = "image_size";
  static final String KEY_DEPTH = "depth";
  static final String KEY_EPS = "layer_norm_eps";
  private static final double DEFAULT_EPS = 1e-6;

  /**
   * @throws InputException naming the value that is out of its range
   */
  public Arch {
    if (!Backbones.names().contains(name)
        && !name.equals(TorchScript.NAME)
        && !name.equals(CUSTOM)) {
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
    requireRange("depth", depth, 0, 1000);
    if (!(layerNormEps > 0 && layerNormEps < 1)) {
      throw new InputException("layer_norm_eps = " + layerNormEps + ": give a number in (0, 1)");
    }
  }

  /** With the depth that is published under the name, and the usual epsilon. */
  public Arch(String name, int classes, int channels, double width, int imageSize) {
    this(
        name,
        classes,
        channels,
        width,
        imageSize,
        isTransformer(name) ? VisionTransformer.DEPTH : 0,
        DEFAULT_EPS);
  }

  /** Of a {@link Backbone} that a caller wrote. */
  public static Arch custom(int classes, int channels, int imageSize) {
    return new Arch(CUSTOM, classes, channels, 1, imageSize);
  }

  /** True for the vision transformers. */
  public boolean isTransformer() {
    return isTransformer(name);
  }

  private static boolean isTransformer(String name) {
    return name.startsWith("vit_");
  }

  Arch withClasses(int count) {
    return new Arch(name, count, channels, width, imageSize, depth, layerNormEps);
  }

  Arch withImageSize(int size) {
    return new Arch(name, classes, channels, width, size, depth, layerNormEps);
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
    if (isTransformer()) {
      metadata.put(KEY_DEPTH, Integer.toString(depth));
      metadata.put(KEY_EPS, Double.toString(layerNormEps));
    }
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
        whole(metadata, KEY_IMAGE_SIZE, fallback.imageSize),
        whole(metadata, KEY_DEPTH, fallback.depth),
        number(metadata, KEY_EPS, fallback.layerNormEps));
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
