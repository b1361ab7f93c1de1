package dev.lotus.data;

import dev.lotus.device.InputException;
import java.nio.file.Path;
import java.util.List;

/** The data sets known by name. */
public final class Datasets {
  private Datasets() {}

  /** Every name {@link #open} takes. */
  public static List<String> names() {
    return List.of("synthetic", "cifar10", "mnist", "fashion-mnist");
  }

  /**
   * Reads a data set whole.
   *
   * @param name one of {@link #names()}
   * @param place the folder that holds the files, its parent, or the archive; ignored by {@code
   *     synthetic}, which may be given null
   * @param seed what {@code synthetic} is generated from; the others ignore it
   * @throws InputException if the name is unknown, the files are not there, or one of them is
   *     damaged
   */
  public static Dataset open(String name, Path place, long seed) {
    if (!names().contains(name)) {
      throw new InputException(
          "there is no data set '" + name + "'; known are " + String.join(", ", names()));
    }
    if (name.equals("synthetic")) {
      return Synthetic.dataset(seed);
    }
    if (place == null) {
      throw new InputException(
          "data set " + name + " needs --data: the folder with its files, or that folder's parent");
    }
    return name.equals("cifar10") ? Cifar10.open(place) : IdxImages.open(name, place);
  }
}
