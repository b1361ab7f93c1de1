package dev.lotus.data;

import dev.lotus.device.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Labels of ImageNet's validation images, whose own names say nothing. They come from the first of
 * these that lies beside the images: {@code LOC_val_solution.csv} (Kaggle's), {@code
 * val_annotations.txt} (file name, WordNet identifier), or the official development kit, {@code
 * ILSVRC2012_devkit_t12} as folder or .tar.gz: {@code ILSVRC2012_validation_ground_truth.txt} has a
 * number an image, {@code meta.mat} the WordNet identifier of a number.
 *
 * @param source the file, for messages
 * @param byName class of each image, by its name without the ending
 */
record ImageNetLabels(String source, Map<String, Integer> byName) {
  static final String FILES =
      "LOC_val_solution.csv, val_annotations.txt or ILSVRC2012_devkit_t12.tar.gz";

  private static final List<String> LISTS = List.of("LOC_val_solution.csv", "val_annotations.txt");
  private static final String KIT = "ILSVRC2012_devkit_t12";
  private static final String TRUTH = "ILSVRC2012_validation_ground_truth.txt";
  private static final String META = "meta.mat";

  /**
   * Reads what lies in the first of the folders that has something; null if none has.
   *
   * @param classes WordNet identifiers in the order of the labels
   * @throws InputException if a line is wrong or names a class without training images
   */
  static ImageNetLabels find(List<Path> folders, List<String> classes) {
    Map<String, Integer> labels = new HashMap<>();
    for (int k = 0; k < classes.size(); k++) {
      labels.put(classes.get(k), k);
    }
    for (Path folder : folders) {
      for (String name : LISTS) {
        if (Files.isRegularFile(folder.resolve(name))) {
          return list(folder.resolve(name), labels);
        }
      }
      Path kit = folder.resolve(KIT + "/data");
      if (Files.isRegularFile(kit.resolve(TRUTH))) {
        Path truth = kit.resolve(TRUTH);
        Path meta = kit.resolve(META);
        return kit(
            truth.toString(),
            FolderTree.whole(truth),
            meta.toString(),
            FolderTree.whole(meta),
            labels);
      }
      Path packed = folder.resolve(KIT + ".tar.gz");
      if (Files.isRegularFile(packed)) {
        Map<String, byte[]> files = TarReader.read(packed, Set.of(TRUTH, META));
        if (files.size() < 2) {
          throw new InputException(packed + " holds no " + TRUTH + " and " + META);
        }
        String at = packed + ":";
        return kit(at + TRUTH, files.get(TRUTH), at + META, files.get(META), labels);
      }
    }
    return null;
  }

  private static List<String> lines(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8).lines().toList();
  }

  private static ImageNetLabels list(Path file, Map<String, Integer> labels) {
    Map<String, Integer> byName = new HashMap<>();
    List<String> lines = lines(FolderTree.whole(file));
    for (int i = 0; i < lines.size(); i++) {
      // Of a line of commas alone no word is left, but for a limit.
      String[] words = lines.get(i).split("[,\\s]+", -1);
      if (lines.get(i).isBlank() || (i == 0 && words[0].equals("ImageId"))) {
        continue;
      }
      Integer label = words.length < 2 ? null : labels.get(words[1]);
      if (label == null) {
        throw noClass(file.toString(), i, lines.get(i), labels.size());
      }
      byName.put(plain(words[0]), label);
    }
    return new ImageNetLabels(file.toString(), byName);
  }

  private static ImageNetLabels kit(
      String truth, byte[] truthBytes, String meta, byte[] metaBytes, Map<String, Integer> labels) {
    Map<Integer, String> wnids = SynsetFile.read(meta, metaBytes);
    Map<String, Integer> byName = new HashMap<>();
    List<String> lines = lines(truthBytes);
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).strip();
      if (line.isEmpty()) {
        continue;
      }
      String wnid = line.matches("\\d{1,6}") ? wnids.get(Integer.valueOf(line)) : null;
      if (wnid == null) {
        throw new InputException(
            truth + ", line " + (i + 1) + ": '" + line + "' is no class number of " + meta);
      }
      Integer label = labels.get(wnid);
      if (label == null) {
        throw noClass(truth, i, line + "', that is '" + wnid, labels.size());
      }
      byName.put(String.format(Locale.ROOT, "ILSVRC2012_val_%08d", i + 1), label);
    }
    return new ImageNetLabels(truth, byName);
  }

  private static InputException noClass(String file, int line, String text, int classes) {
    return new InputException(
        file
            + ", line "
            + (line + 1)
            + ": '"
            + text
            + "' is no image and one of the "
            + classes
            + " training classes");
  }

  private static String plain(String path) {
    return FileTree.name(path).replaceFirst("\\.JPEG$", "");
  }

  /**
   * The class of an image.
   *
   * @param where for messages
   */
  int of(String where, String path) {
    Integer label = byName.get(plain(path));
    if (label == null) {
      throw new InputException(where + " has no label in " + source);
    }
    return label;
  }
}
