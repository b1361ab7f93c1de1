package dev.lotus.data;

import dev.lotus.data.EncodedImages.Sample;
import dev.lotus.device.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * ImageNet (ILSVRC 2012): train and val folders of a folder a class, or a folder that holds {@code
 * ILSVRC2012_img_train.tar} and {@code ILSVRC2012_img_val.tar} as published, which are read in
 * place. The validation archive has no labels; they are taken from a file beside it: {@code
 * LOC_val_solution.csv} (Kaggle's), or {@code val_annotations.txt} (file name, WordNet identifier).
 * Without one there are no held-out images. Classes are in the order of their identifiers.
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

  static Dataset open(Path place, DataSettings settings) {
    Path tar = Files.isDirectory(place) ? place.resolve(TRAIN_TAR) : place;
    if (Files.isRegularFile(tar) && tar.getFileName().toString().endsWith(".tar")) {
      return fromTars(tar, settings);
    }
    FileTree tree =
        ImageListing.find(
            FileTree.open(place), "imagenet", WANTED, t -> t.folders().contains("train"));
    List<String> classes = tree.below("train").folders();
    List<Sample> heldOut =
        tree.folders().contains("val") && !tree.below("val").folders().isEmpty()
            ? ImageListing.byFolder(tree, "val/", classes)
            : List.of();
    return listing(tree, ImageListing.byFolder(tree, "train/", classes), heldOut, classes)
        .open(settings);
  }

  private static Dataset fromTars(Path trainTar, DataSettings settings) {
    FileTree train = FileTree.open(trainTar);
    List<String> classes = train.folders();
    List<Sample> samples = ImageListing.byFolder(train, "", classes);
    Path folder = trainTar.toAbsolutePath().getParent();
    Path valTar = folder.resolve(VAL_TAR);
    Map<String, Integer> labels = labels(folder, classes);
    if (!Files.isRegularFile(valTar) || labels.isEmpty()) {
      settings
          .notes()
          .accept(
              "no held-out images: they need "
                  + VAL_TAR
                  + " and LOC_val_solution.csv or val_annotations.txt in "
                  + folder);
      return listing(train, samples, List.of(), classes).open(settings);
    }
    FileTree val = FileTree.open(valTar);
    List<Sample> heldOut = new ArrayList<>();
    for (String path : val.files()) {
      String name = FileTree.name(path).replaceFirst("\\.JPEG$", "");
      Integer label = labels.get(name);
      if (label == null) {
        throw new InputException(val.locate(path) + " has no line in the file of labels");
      }
      heldOut.add(new Sample("val:" + path, label));
    }
    return listing(new TwoTrees(train, val), samples, heldOut, classes).open(settings);
  }

  private static Map<String, Integer> labels(Path folder, List<String> classes) {
    Map<String, Integer> labels = new HashMap<>();
    for (String name : List.of("LOC_val_solution.csv", "val_annotations.txt")) {
      if (!labels.isEmpty() || !Files.isRegularFile(folder.resolve(name))) {
        continue;
      }
      int number = 0;
      for (String line : ImageListing.lines(new FolderTree(folder), name)) {
        number++;
        String[] words = line.split("[,\\s]+");
        if (number == 1 && words[0].equals("ImageId")) {
          continue;
        }
        int label = words.length < 2 ? -1 : classes.indexOf(words[1]);
        if (label < 0) {
          throw new InputException(
              folder.resolve(name)
                  + ", line "
                  + number
                  + ": '"
                  + line
                  + "' is no image and one of the "
                  + classes.size()
                  + " training classes");
        }
        labels.put(words[0].replaceFirst("\\.JPEG$", ""), label);
      }
    }
    return labels;
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

  /** The training archive's files, and the validation archive's with "val:" before their names. */
  private record TwoTrees(FileTree train, FileTree val) implements FileTree {
    private static final String VAL = "val:";

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
      val.close();
    }
  }
}
