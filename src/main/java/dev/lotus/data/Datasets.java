package dev.lotus.data;

import dev.lotus.device.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.Function;

/** The data sets known by name. */
public final class Datasets {
  private Datasets() {}

  /** Every name {@link #open} takes. */
  public static List<String> names() {
    return List.of(
        "synthetic",
        "cifar10",
        "cifar100",
        "mnist",
        "fashion-mnist",
        "tiny-imagenet",
        "imagenet",
        "mufac",
        "image-folder");
  }

  /**
   * Reads a data set with every setting as published.
   *
   * @param seed what {@code synthetic} is generated from; the others ignore it
   * @see #open(String, Path, DataSettings)
   */
  public static Dataset open(String name, Path place, long seed) {
    return open(name, place, DataSettings.PUBLISHED.withSeed(seed));
  }

  /**
   * Reads a data set. Sets of arrays (cifar, mnist) are read whole; of sets of image files every
   * file is looked through, and decoded later.
   *
   * @param name one of {@link #names()}
   * @param place the folder that holds the files, its parent, or the archive; ignored by {@code
   *     synthetic}, which may be given null
   * @throws InputException if the name is unknown, the files are not there, or one of them is
   *     damaged
   */
  public static Dataset open(String name, Path place, DataSettings settings) {
    if (!names().contains(name)) {
      throw new InputException(
          "there is no data set '" + name + "'; known are " + String.join(", ", names()));
    }
    if (place == null && !name.equals("synthetic")) {
      throw new InputException(
          "data set " + name + " needs --data: the folder with its files, or that folder's parent");
    }
    return switch (name) {
      case "synthetic" -> prepared(Synthetic.dataset(settings.seed()), settings);
      case "cifar10", "cifar100" -> prepared(Cifar.open(name, place), settings);
      case "mnist", "fashion-mnist" -> prepared(IdxImages.open(name, place), settings);
      case "tiny-imagenet" ->
          of(
              FileTree.open(downloaded(place, "tiny-imagenet-200")),
              tree -> TinyImageNet.open(tree, settings),
              settings);
      case "imagenet" ->
          of(ImageNet.tree(place), tree -> ImageNet.open(tree, place, settings), settings);
      case "mufac" -> of(FileTree.open(place), tree -> Mufac.open(tree, settings), settings);
      default -> of(FileTree.open(place), tree -> ImageFolder.open(tree, settings), settings);
    };
  }

  /** The tree stays open for its data set's images; without a data set nobody would close it. */
  private static Dataset of(
      FileTree tree, Function<FileTree, Dataset> reader, DataSettings settings) {
    try {
      return prepared(reader.apply(tree), settings);
    } catch (RuntimeException e) {
      tree.close();
      throw e;
    }
  }

  private static Dataset prepared(Dataset read, DataSettings settings) {
    Dataset data = heldOut(resized(perClass(read, settings), settings), settings);
    return settings.unseen() == null ? data : withUnseen(data, settings);
  }

  /** The archive NAME.zip in a folder that has no folder NAME: where a download leaves it. */
  private static Path downloaded(Path place, String name) {
    Path archive = place.resolve(name + ".zip");
    boolean packed = Files.isRegularFile(archive) && !Files.exists(place.resolve(name));
    return packed ? archive : place;
  }

  /** Sets of image files have chosen theirs already. */
  private static Dataset perClass(Dataset data, DataSettings settings) {
    if (settings.perClass() <= 0 || data.train().decodes()) {
      return data;
    }
    int[] seen = new int[data.classes()];
    List<Integer> chosen = new ArrayList<>();
    for (int i = 0; i < data.train().size(); i++) {
      if (seen[data.train().label(i)]++ < settings.perClass()) {
        chosen.add(i);
      }
    }
    int[] indices = chosen.stream().mapToInt(i -> i).toArray();
    return data.with(
        new Views.Subset(data.train(), indices),
        data.heldOut(),
        "per class " + settings.perClass(),
        data.unseenFrom());
  }

  private static Dataset resized(Dataset data, DataSettings settings) {
    int side = settings.imageSize();
    if (side == 0 || (data.train().height() == side && data.train().width() == side)) {
      return data;
    }
    ImageSize size = ImageSize.exactly(side);
    return data.with(
        new Views.Resized(data.train(), size),
        new Views.Resized(data.heldOut(), size),
        "",
        data.unseenFrom());
  }

  private static Dataset heldOut(Dataset data, DataSettings settings) {
    double fraction = settings.heldOut();
    if (fraction == 0) {
      return data;
    }
    if (data.heldOut().size() > 0) {
      throw new InputException(
          "--held-out "
              + fraction
              + ": data set "
              + data.name()
              + " has "
              + data.heldOut().size()
              + " held-out images of its own; leave the option out");
    }
    BitSet chosen = Views.stratified(data.train(), data.classes(), fraction);
    BitSet rest = new BitSet();
    rest.set(0, data.train().size());
    rest.andNot(chosen);
    return data.with(
        new Views.Subset(data.train(), rest.stream().toArray()),
        new Views.Subset(data.train(), chosen.stream().toArray()),
        "held out " + fraction,
        data.unseenFrom());
  }

  private static Dataset withUnseen(Dataset data, DataSettings settings) {
    ImageSet own = data.heldOut();
    if (data.unseenFrom() != Dataset.HALVED) {
      int[] test = java.util.stream.IntStream.range(0, data.unseenFrom()).toArray();
      own = new Views.Subset(own, test);
    }
    UnseenImages unseen = UnseenImages.open(settings.unseen(), data, settings.plain());
    return data.with(
        data.train(),
        new Views.Joined(own, unseen.images()),
        "unseen " + unseen.sha256(),
        own.size());
  }
}
