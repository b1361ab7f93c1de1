package dev.lotus.bench;

import dev.lotus.backbone.Arch;
import dev.lotus.data.Dataset;
import dev.lotus.data.ImageSet;
import dev.lotus.data.MemoryImages;
import dev.lotus.data.Normalization;
import dev.lotus.data.Split;
import dev.lotus.load.EpochOrder;
import dev.lotus.unlearn.UnlearnData;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

/** Pixels without meaning: a step takes as long with them. */
final class RandomData {
  private static final int HELD_OUT = 16;

  private RandomData() {}

  /**
   * @param count training images, of the size and classes that {@code arch} takes
   * @param forget how many of them are forgotten
   */
  static UnlearnData of(Arch arch, int count, int forget) {
    Dataset dataset =
        new Dataset(
            "random",
            images(arch, count, 1),
            images(arch, HELD_OUT, 2),
            IntStream.range(0, arch.classes()).mapToObj(k -> "class " + k).toList(),
            "",
            Normalization.uniform(arch.channels(), 0.5f, 0.25f));
    int[] all = EpochOrder.all(count).indices();
    int[] heldOut = EpochOrder.all(HELD_OUT).indices();
    Split split =
        new Split(
            Split.SCHEMA,
            dataset.name(),
            dataset.sha256(),
            1,
            "random",
            Arrays.copyOf(all, forget),
            Arrays.copyOfRange(all, forget, count),
            Arrays.copyOf(heldOut, HELD_OUT / 2),
            Arrays.copyOfRange(heldOut, HELD_OUT / 2, HELD_OUT));
    return new UnlearnData(dataset, split);
  }

  private static ImageSet images(Arch arch, int count, long seed) {
    int side = arch.imageSize();
    byte[] pixels = new byte[Math.multiplyExact(count, arch.channels() * side * side)];
    byte[] labels = new byte[count];
    Random draw = new Random(seed);
    draw.nextBytes(pixels);
    for (int i = 0; i < count; i++) {
      labels[i] = (byte) (i % Math.min(arch.classes(), 128));
    }
    return new MemoryImages(arch.channels(), side, side, pixels, labels);
  }
}
