package dev.lotus.data;

import dev.lotus.data.EncodedImages.Sample;
import dev.lotus.device.InputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * MUFAC (Choi and Na, 2023), faces in eight age classes: {@code custom_train_dataset.csv} with
 * {@code train_images}, likewise val and test; columns {@code image_path} and {@code age_class} (a
 * to h). The published forget set is the first 1,062 training rows; val is the unseen set.
 */
final class Mufac {
  private static final String TRAIN = "custom_train_dataset.csv";
  private static final String WANTED =
      "custom_train_dataset.csv, custom_val_dataset.csv and custom_test_dataset.csv beside "
          + "train_images, val_images and test_images";
  private static final int FORGET = 1062;
  private static final List<String> CLASSES =
      List.of(
          "0-6 years old",
          "7-12 years old",
          "13-19 years old",
          "20-30 years old",
          "31-45 years old",
          "46-55 years old",
          "56-66 years old",
          "67-80 years old");

  private Mufac() {}

  static Dataset open(FileTree given, DataSettings settings) {
    FileTree tree = ImageListing.find(given, "mufac", WANTED, t -> ImageListing.has(t, TRAIN));
    return new ImageListing(
            "mufac",
            tree,
            rows(tree, "train"),
            rows(tree, "test"),
            rows(tree, "val"),
            CLASSES,
            Normalization.uniform(3, 0, 1),
            ImageSize.exactly(128),
            false,
            0,
            new Dataset.PublishedForget(0, FORGET))
        .open(settings);
  }

  private static List<Sample> rows(FileTree tree, String part) {
    String csv = "custom_" + part + "_dataset.csv";
    List<String> lines = ImageListing.lines(tree, csv);
    List<String> columns = lines.isEmpty() ? List.of() : fields(lines.get(0));
    int path = columns.indexOf("image_path");
    int age = columns.indexOf("age_class");
    if (path < 0 || age < 0) {
      throw new InputException(
          tree.locate(csv) + ": its first line must name the columns image_path and age_class");
    }
    List<Sample> samples = new ArrayList<>();
    for (int i = 1; i < lines.size(); i++) {
      if (lines.get(i).isBlank()) {
        continue;
      }
      List<String> row = fields(lines.get(i));
      String where = tree.locate(csv) + ", line " + (i + 1);
      if (row.size() != columns.size()) {
        throw new InputException(
            where + " has " + row.size() + " fields, the first line " + columns.size());
      }
      int label = row.get(age).length() == 1 ? row.get(age).charAt(0) - 'a' : -1;
      if (label < 0 || label >= CLASSES.size()) {
        throw new InputException(where + ": the age class is '" + row.get(age) + "', must be a..h");
      }
      TarWalk.refuseOutside(where, row.get(path));
      samples.add(new Sample(part + "_images/" + row.get(path), label));
    }
    return samples;
  }

  /** The published files quote nothing; a quote would be part of no path. */
  private static List<String> fields(String line) {
    return Arrays.stream(line.split(",", -1)).map(String::strip).toList();
  }
}
