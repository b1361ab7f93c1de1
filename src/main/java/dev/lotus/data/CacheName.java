package dev.lotus.data;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * The name of a file of decoded images: {@code PART.SIZE.PLACE.KEY.pixels}. Sets in other places
 * have other files, also where part and size are the same; the key tells one content of a place
 * from the next.
 *
 * @param part of which data set, as "imagenet.train"
 * @param size of the images, as "256-224x224"
 * @param place {@value #DIGITS} hexadecimal digits for where the images lie
 * @param key {@value #DIGITS} or more hexadecimal digits for which images they are, in their order
 */
record CacheName(String part, String size, String place, String key) {
  private static final int DIGITS = 32;
  private static final String ENDING = ".pixels";

  CacheName {
    place = place.substring(0, DIGITS);
    key = key.substring(0, DIGITS);
  }

  /**
   * The cache of a set of images.
   *
   * @param place folder or archive, as {@link FileTree#locate} names it
   */
  static CacheName of(String part, ImageSize size, String place, String key) {
    String absolute = Path.of(place).toAbsolutePath().normalize().toString();
    String sum = new Checksum().add(absolute.getBytes(StandardCharsets.UTF_8)).hex();
    return new CacheName(part, size.toString(), sum, key);
  }

  /** The file in a folder of caches. */
  Path in(Path folder) {
    return folder.resolve(part + "." + size + "." + place + "." + key + ENDING);
  }

  /** A name of this form, or null for any other file. */
  private static CacheName parse(Path file) {
    String name = file.getFileName().toString();
    String[] words = name.split("\\.");
    int last = words.length - 1;
    if (last < 4 || !name.endsWith(ENDING)) {
      return null;
    }
    String place = words[last - 2];
    String key = words[last - 1];
    if (place.length() != DIGITS || key.length() != DIGITS) {
      return null;
    }
    String part = String.join(".", Arrays.copyOf(words, last - 3));
    return new CacheName(part, words[last - 3], place, key);
  }

  /** Whether the file held this part at this size, of this place as it was once. */
  boolean replaces(Path file) {
    CacheName other = parse(file);
    return other != null && size.equals(other.size) && outdates(other);
  }

  /** Whether the file holds this part of this place as it was once, at any size. */
  boolean outdates(Path file) {
    CacheName other = parse(file);
    return other != null && outdates(other);
  }

  private boolean outdates(CacheName other) {
    return part.equals(other.part) && place.equals(other.place) && !key.equals(other.key);
  }

  /** Whether the file holds the same images in the same order, at any size, from any place. */
  boolean sameImages(Path file) {
    CacheName other = parse(file);
    return other != null && part.equals(other.part) && key.equals(other.key);
  }
}
