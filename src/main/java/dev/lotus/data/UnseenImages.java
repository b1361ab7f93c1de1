package dev.lotus.data;

import dev.lotus.data.EncodedImages.Sample;
import dev.lotus.device.InputException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Images from another source that stand for unseen data (generated ones, say): a folder of images a
 * class, each named as a class of the data set is, or by its number. They get the data set's size.
 *
 * @param sha256 of the files and labels
 */
record UnseenImages(ImageSet images, String sha256) {
  static UnseenImages open(Path folder, Dataset data, DataSettings settings) {
    FileTree given = FileTree.open(folder);
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
    List<Sample> samples =
        tree.files().stream()
            .filter(path -> ImageListing.isImage(path) && path.indexOf('/') > 0)
            .map(path -> new Sample(path, required(tree, path, data)))
            .toList();
    if (data.train().channels() != 3) {
      throw new InputException("--unseen needs a data set of three channels");
    }
    Checksum checksum = new Checksum();
    ImageSize size = new ImageSize(0, data.train().height(), data.train().width());
    ImageSet images =
        EncodedImages.open(data.name() + ".unseen", tree, samples, size, settings, checksum);
    return new UnseenImages(images, checksum.hex());
  }

  private static int required(FileTree tree, String path, Dataset data) {
    int label = label(path.substring(0, path.indexOf('/')), data);
    if (label < 0) {
      throw new InputException(
          tree.locate(path) + " lies in a folder that is named after no class of " + data.name());
    }
    return label;
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
