package dev.lotus.data;

import dev.lotus.data.EncodedImages.Sample;
import dev.lotus.device.InputException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Tiny-ImageNet-200: {@code train/WNID/images/*.JPEG}, {@code val/images/*.JPEG} with {@code
 * val/val_annotations.txt} (file, WordNet identifier, box; apart by tabs), {@code words.txt} with
 * the classes' names. Classes are in the order of their identifiers. The test folder has no labels
 * and is not used; held out are the validation images, in the annotations' order.
 */
final class TinyImageNet {
  private static final String ANNOTATIONS = "val/val_annotations.txt";
  private static final String WANTED = "train/WNID/images and " + ANNOTATIONS;
  private static final Normalization NORMALIZATION =
      new Normalization(
          new float[] {122.4786f / 255, 114.2755f / 255, 101.3963f / 255},
          new float[] {70.4924f / 255, 68.5679f / 255, 71.8127f / 255});

  private TinyImageNet() {}

  static Dataset open(FileTree given, DataSettings settings) {
    FileTree tree =
        ImageListing.find(
            given,
            "tiny-imagenet",
            WANTED,
            t -> t.folders().contains("train") && ImageListing.has(t, ANNOTATIONS));
    List<String> classes = tree.below("train").folders();
    return new ImageListing(
            "tiny-imagenet",
            tree,
            ImageListing.byFolder(tree, "train/", classes),
            heldOut(tree, classes),
            List.of(),
            names(tree, classes),
            NORMALIZATION,
            ImageSize.exactly(64),
            false,
            0,
            Dataset.PublishedForget.TENTH)
        .open(settings);
  }

  private static List<Sample> heldOut(FileTree tree, List<String> classes) {
    List<Sample> samples = new ArrayList<>();
    int number = 0;
    for (String line : ImageListing.lines(tree, ANNOTATIONS)) {
      number++;
      if (line.isBlank()) {
        continue;
      }
      String[] parts = line.split("\t");
      int label = parts.length < 2 ? -1 : classes.indexOf(parts[1]);
      if (label < 0) {
        throw new InputException(
            tree.locate(ANNOTATIONS)
                + ", line "
                + number
                + ": '"
                + line.replace('\t', ' ')
                + "' is no file and one of the "
                + classes.size()
                + " training classes");
      }
      TarWalk.refuseOutside(tree.locate(ANNOTATIONS) + ", line " + number, parts[0]);
      samples.add(new Sample("val/images/" + parts[0], label));
    }
    return samples;
  }

  private static List<String> names(FileTree tree, List<String> classes) {
    if (!ImageListing.has(tree, "words.txt")) {
      return classes;
    }
    Map<String, String> words = new HashMap<>();
    for (String line : ImageListing.lines(tree, "words.txt")) {
      int tab = line.indexOf('\t');
      if (tab > 0) {
        words.put(line.substring(0, tab), line.substring(tab + 1).split(",")[0].strip());
      }
    }
    return classes.stream().map(wnid -> words.getOrDefault(wnid, wnid)).toList();
  }
}
