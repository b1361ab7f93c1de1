package dev.lotus.data;

import dev.lotus.data.EncodedImages.Sample;
import dev.lotus.device.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What a reader of a data set of image files found: which file is of which class. {@link #open}
 * makes the data set of it.
 *
 * @param tree holds all files
 * @param heldOut test images, or those that are halved
 * @param unseen validation images where the data set keeps them apart, else empty
 * @param size the data set's own
 * @param squareCrop whether another size is reached by ImageNet's resize and crop instead of a
 *     plain resize
 * @param perClass training images of each class in the published runs, 0 = all
 */
record ImageListing(
    String name,
    FileTree tree,
    List<Sample> train,
    List<Sample> heldOut,
    List<Sample> unseen,
    List<String> classNames,
    Normalization normalization,
    ImageSize size,
    boolean squareCrop,
    int perClass,
    Dataset.PublishedForget published) {

  private static final Set<String> ENDINGS =
      Set.of("jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp");

  /** Looks through every file, and makes the data set. */
  Dataset open(DataSettings settings) {
    if (train.isEmpty()) {
      throw new InputException(
          tree.locate("") + " has no training images (.jpg, .jpeg or .png) of " + name);
    }
    int side = settings.imageSize();
    ImageSize to =
        side == 0 ? size : squareCrop ? ImageSize.cropped(side) : ImageSize.exactly(side);
    int most = settings.perClass() < 0 ? perClass : settings.perClass();
    List<Sample> chosen = most == 0 ? train : firstOfEach(train, most);
    Checksum checksum = new Checksum();
    // One decision for all parts: each alone might fit where all together do not.
    long images = (long) chosen.size() + heldOut.size() + unseen.size();
    boolean keep =
        images * 3 * to.height() * to.width()
            <= Runtime.getRuntime().maxMemory() / 2 - tree.heldBytes();
    ImageSet training =
        EncodedImages.open(name + ".train", tree, chosen, to, settings, checksum, keep);
    ImageSet test = EncodedImages.open(name + ".test", tree, heldOut, to, settings, checksum, keep);
    int unseenFrom = Dataset.HALVED;
    if (!unseen.isEmpty()) {
      unseenFrom = test.size();
      ImageSet val = EncodedImages.open(name + ".val", tree, unseen, to, settings, checksum, keep);
      test = new Views.Joined(test, val);
    }
    return new Dataset(
        name, training, test, classNames, checksum.hex(), normalization, unseenFrom, published);
  }

  private static List<Sample> firstOfEach(List<Sample> samples, int most) {
    Map<Integer, Integer> seen = new TreeMap<>();
    return samples.stream().filter(s -> seen.merge(s.label(), 1, Integer::sum) <= most).toList();
  }

  /**
   * Every image in the tree, in order; its class is the folder at the given place of its path.
   *
   * @param prefix only files below this folder, which ends in '/' or is empty
   * @param classes the folders' names in the order of their labels
   */
  static List<Sample> byFolder(FileTree tree, String prefix, List<String> classes) {
    Map<String, Integer> labels =
        IntStream.range(0, classes.size())
            .boxed()
            .collect(Collectors.toMap(classes::get, k -> k, (a, b) -> a));
    List<Sample> samples = new ArrayList<>();
    for (String path : tree.files()) {
      if (!path.startsWith(prefix) || !isImage(path)) {
        continue;
      }
      String inside = path.substring(prefix.length());
      int slash = inside.indexOf('/');
      if (slash < 0) {
        continue;
      }
      Integer label = labels.get(inside.substring(0, slash));
      if (label == null) {
        throw new InputException(
            tree.locate(path)
                + " is of the class "
                + inside.substring(0, slash)
                + ", which has no training images");
      }
      samples.add(new Sample(path, label));
    }
    return samples;
  }

  /** By the ending, as torchvision; what is no JPEG or PNG inside is refused when read. */
  static boolean isImage(String path) {
    String lower = path.toLowerCase(Locale.ROOT);
    int dot = lower.lastIndexOf('.');
    return dot >= 0
        && ENDINGS.contains(lower.substring(dot + 1))
        && !FileTree.name(path).startsWith("._");
  }

  /**
   * A text file of the tree, by lines; blank ones are kept, so that the others keep their numbers.
   */
  static List<String> lines(FileTree tree, String path) {
    return new String(tree.read(path), java.nio.charset.StandardCharsets.UTF_8).lines().toList();
  }

  /**
   * The part of a tree that holds a data set; the caller closes the tree if there is none.
   *
   * @throws InputException saying what was looked for
   */
  static FileTree find(FileTree tree, String dataset, String wanted, Predicate<FileTree> holds) {
    FileTree found = tree.find(holds);
    if (found == null) {
      throw new InputException(
          "no "
              + dataset
              + " files in --data "
              + tree.locate("")
              + " or two levels below; it should hold "
              + wanted);
    }
    return found;
  }

  static boolean has(FileTree tree, String path) {
    return java.util.Collections.binarySearch(tree.files(), path, FileTree.ORDER) >= 0;
  }
}
