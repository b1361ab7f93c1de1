package dev.lotus.data;

import dev.lotus.data.EncodedImages.Sample;
import java.util.List;
import java.util.Set;

/**
 * A folder a class, as torchvision's ImageFolder: {@code train/CLASS/...} and {@code val/CLASS/...}
 * (or test, valid, validation), or {@code CLASS/...} alone, all of it training images. Classes are
 * in the order of their names. Images are resized to 256 and cropped to 224, as ImageNet's.
 */
final class ImageFolder {
  private static final Set<String> TRAIN = Set.of("train", "training");
  private static final List<String> HELD_OUT = List.of("val", "valid", "validation", "test");
  private static final String WANTED =
      "a folder of images a class, or train and val folders of such folders";

  private ImageFolder() {}

  static Dataset open(FileTree given, DataSettings settings) {
    FileTree tree = ImageListing.find(given, "image-folder", WANTED, ImageFolder::holds);
    List<String> folders = tree.folders();
    String train = folders.stream().filter(TRAIN::contains).findFirst().orElse(null);
    String prefix = train == null ? "" : train + "/";
    List<String> classes = train == null ? classesIn(tree) : classesIn(tree.below(train));
    List<Sample> heldOut = List.of();
    if (train != null) {
      String other = HELD_OUT.stream().filter(folders::contains).findFirst().orElse(null);
      heldOut = other == null ? heldOut : ImageListing.byFolder(tree, other + "/", classes);
    }
    return new ImageListing(
            "image-folder",
            tree,
            ImageListing.byFolder(tree, prefix, classes),
            heldOut,
            List.of(),
            classes,
            Normalization.IMAGENET,
            ImageSize.cropped(224),
            true,
            0,
            Dataset.PublishedForget.TENTH)
        .open(settings);
  }

  private static List<String> classesIn(FileTree tree) {
    return tree.files().stream()
        .filter(path -> ImageListing.isImage(path) && path.indexOf('/') > 0)
        .map(path -> path.substring(0, path.indexOf('/')))
        .distinct()
        .toList();
  }

  private static boolean holds(FileTree tree) {
    List<String> folders = tree.folders();
    if (folders.stream().anyMatch(TRAIN::contains)) {
      return true;
    }
    // Class folders hold images themselves; a folder above them holds only folders.
    return !folders.isEmpty()
        && tree.files().stream()
            .anyMatch(
                p ->
                    ImageListing.isImage(p)
                        && p.indexOf('/') == p.lastIndexOf('/')
                        && p.indexOf('/') > 0);
  }
}
