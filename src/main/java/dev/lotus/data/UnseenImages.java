package dev.lotus.data;

import dev.lotus.data.EncodedImages.Sample;
import dev.lotus.device.InputException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Images from another source that stand for unseen data (generated ones, say): a folder of images a
 * class, each named as a class of the data set is, or by its number. They get the data set's size.
 *
 * @param sha256 of the files and labels
 */
record UnseenImages(ImageSet images, String sha256) {
  static UnseenImages open(Path folder, Dataset data, DataSettings settings) {
    if (data.train().channels() != 3) {
      throw new InputException(
          "--unseen "
              + folder
              + " needs a data set of three channels; "
              + data.name()
              + " has "
              + data.train().channels());
    }
    FileTree given = FileTree.open("--unseen", folder);
    try {
      return read(given, folder, data, settings);
    } catch (RuntimeException e) {
      given.close();
      throw e;
    }
  }

  private static UnseenImages read(
      FileTree given, Path folder, Dataset data, DataSettings settings) {
    FileTree tree = given.find(t -> t.folders().stream().anyMatch(f -> label(f, data) >= 0));
    if (tree == null) {
      throw new InputException(
          "--unseen "
              + folder
              + " has no folder that is named after a class of "
              + data.name()
              + " ("
              + String.join(", ", data.classNames().subList(0, Math.min(3, data.classes())))
              + ", ...) or by its number");
    }
    Map<String, Integer> labels = new HashMap<>();
    List<Sample> samples =
        tree.files().stream()
            .filter(path -> ImageListing.isImage(path) && path.indexOf('/') > 0)
            .map(path -> new Sample(path, labels.computeIfAbsent(top(path), f -> label(f, data))))
            .toList();
    for (Sample sample : samples) {
      if (sample.label() < 0) {
        throw new InputException(
            tree.locate(sample.path())
                + " lies in a folder that is named after no class of "
                + data.name());
      }
    }
    if (samples.isEmpty()) {
      throw new InputException("--unseen " + folder + " holds no images (.jpg, .jpeg or .png)");
    }
    Checksum checksum = new Checksum();
    ImageSize size = new ImageSize(0, data.train().height(), data.train().width());
    // Beside the data set's own images, which may take half.
    boolean keep =
        (long) samples.size() * data.train().imageBytes() <= Runtime.getRuntime().maxMemory() / 8;
    ImageSet images =
        EncodedImages.open(data.name() + ".unseen", tree, samples, size, settings, checksum, keep);
    return new UnseenImages(images, checksum.hex());
  }

  private static String top(String path) {
    return path.substring(0, path.indexOf('/'));
  }

  /** -1 if the name is no class's. */
  private static int label(String folder, Dataset data) {
    String plain = plain(folder);
    for (int k = 0; k < data.classes(); k++) {
      if (plain(data.classNames().get(k)).equals(plain)) {
        return k;
      }
    }
    boolean number = folder.matches("\\d{1,6}") && Integer.parseInt(folder) < data.classes();
    return number ? Integer.parseInt(folder) : -1;
  }

  private static String plain(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("[^\\p{L}\\p{N}]", "");
  }
}
