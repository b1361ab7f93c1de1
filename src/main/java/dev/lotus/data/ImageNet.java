package dev.lotus.data;

import dev.lotus.data.EncodedImages.Sample;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * ImageNet (ILSVRC 2012): train and val folders of a folder a class, or a folder that holds {@code
 * ILSVRC2012_img_train.tar} and {@code ILSVRC2012_img_val.tar} as published, which are read in
 * place. Validation images without class folders get their labels from {@link ImageNetLabels};
 * where there are none, there are no held-out images. Classes are in the order of their
 * identifiers.
 *
 * <p>The published runs take the first 50 training images of each class, and forget the first 5 of
 * them.
 */
final class ImageNet {
  private static final String TRAIN_TAR = "ILSVRC2012_img_train.tar";
  private static final String VAL_TAR = "ILSVRC2012_img_val.tar";
  private static final int PER_CLASS = 50;
  private static final String WANTED =
      "train/WNID/*.JPEG and val/WNID/*.JPEG, or " + TRAIN_TAR + " and " + VAL_TAR;

  private ImageNet() {}

  /** The folder, or the two archives as one tree; to be given to {@link #open}. */
  static FileTree tree(Path place) {
    Path tar = Files.isDirectory(place) ? place.resolve(TRAIN_TAR) : place;
    if (!Files.isRegularFile(tar) || !tar.getFileName().toString().endsWith(".tar")) {
      return FileTree.open(place);
    }
    FileTree train = FileTree.open(tar);
    try {
      Path valTar = tar.resolveSibling(VAL_TAR);
      return new TwoTrees(train, Files.isRegularFile(valTar) ? FileTree.open(valTar) : null);
    } catch (RuntimeException e) {
      train.close();
      throw e;
    }
  }

  /**
   * @param given the {@link #tree} of {@code place}
   */
  static Dataset open(FileTree given, Path place, DataSettings settings) {
    if (given instanceof TwoTrees both) {
      return fromTars(both, place, settings);
    }
    FileTree tree =
        ImageListing.find(given, "imagenet", WANTED, t -> t.folders().contains("train"));
    List<String> classes = tree.below("train").folders();
    List<Sample> train = ImageListing.byFolder(tree, "train/", classes);
    FileTree val = tree.below("val");
    List<Sample> heldOut =
        val.folders().isEmpty()
            ? labelled(tree, val.files(), "val/", places(place, tree), classes, settings)
            : ImageListing.byFolder(tree, "val/", classes);
    return listing(tree, train, heldOut, classes).open(settings);
  }

  private static Dataset fromTars(TwoTrees both, Path place, DataSettings settings) {
    List<String> classes = both.folders();
    List<Sample> samples = ImageListing.byFolder(both, "", classes);
    Path folder = folder(place);
    if (both.val == null) {
      settings.notes().accept("no held-out images: there is no " + folder.resolve(VAL_TAR));
      return listing(both, samples, List.of(), classes).open(settings);
    }
    List<String> names = both.val.files();
    List<Sample> heldOut = labelled(both, names, TwoTrees.VAL, List.of(folder), classes, settings);
    return listing(both, samples, heldOut, classes).open(settings);
  }

  private static Path folder(Path given) {
    return Files.isDirectory(given) ? given : given.toAbsolutePath().getParent();
  }

  /** Where labels may lie: what the user named, or beside it, and the folder of the images. */
  private static List<Path> places(Path given, FileTree tree) {
    return List.of(folder(given), Path.of(tree.locate("")));
  }

  private static List<Sample> labelled(
      FileTree tree,
      List<String> names,
      String prefix,
      List<Path> places,
      List<String> classes,
      DataSettings settings) {
    List<String> images = names.stream().filter(ImageListing::isImage).toList();
    ImageNetLabels labels = images.isEmpty() ? null : ImageNetLabels.find(places, classes);
    if (labels == null) {
      settings
          .notes()
          .accept(
              images.isEmpty()
                  ? "no held-out images: there are none in val"
                  : "no held-out images: the labels of the "
                      + images.size()
                      + " validation images are in none of "
                      + places
                      + "; put "
                      + ImageNetLabels.FILES
                      + " there");
      return List.of();
    }
    return images.stream()
        .map(name -> new Sample(prefix + name, labels.of(tree.locate(prefix + name), name)))
        .toList();
  }

  private static ImageListing listing(
      FileTree tree, List<Sample> train, List<Sample> heldOut, List<String> classes) {
    return new ImageListing(
        "imagenet",
        tree,
        train,
        heldOut,
        List.of(),
        classes,
        Normalization.IMAGENET,
        ImageSize.cropped(224),
        true,
        PER_CLASS,
        Dataset.PublishedForget.TENTH);
  }

  /**
   * The training archive's files, and the validation archive's with "val:" before their names.
   *
   * @param val null where there is none
   */
  private record TwoTrees(FileTree train, FileTree val) implements FileTree {
    static final String VAL = "val:";

    private FileTree of(String path) {
      return path.startsWith(VAL) ? val : train;
    }

    private static String inner(String path) {
      return path.startsWith(VAL) ? path.substring(VAL.length()) : path;
    }

    @Override
    public List<String> files() {
      return train.files();
    }

    @Override
    public byte[] read(String path) {
      return of(path).read(inner(path));
    }

    @Override
    public String locate(String path) {
      return of(path).locate(inner(path));
    }

    @Override
    public void close() {
      train.close();
      if (val != null) {
        val.close();
      }
    }
  }
}
