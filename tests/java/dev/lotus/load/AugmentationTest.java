package dev.lotus.load;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.data.Dataset;
import dev.lotus.data.ImageSet;
import dev.lotus.data.MemoryImages;
import dev.lotus.data.Normalization;
import dev.lotus.device.TorchRuntime;
import dev.lotus.kernel.GatherAugment;
import dev.lotus.kernel.GatherAugment.PadMode;
import dev.lotus.kernel.Matrix;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class AugmentationTest {
  private static final int SIDE = 5;

  @BeforeAll
  static void load() {
    TorchRuntime.load(0);
  }

  /** Two channels of 5x5; pixel (c, y, x) is 1 + 100 c + 10 y + x. */
  private static byte[] image() {
    byte[] image = new byte[2 * SIDE * SIDE];
    for (int i = 0; i < image.length; i++) {
      int c = i / (SIDE * SIDE);
      image[i] = (byte) (1 + 100 * c + 10 * (i / SIDE % SIDE) + i % SIDE);
    }
    return image;
  }

  private static float pixel(int c, int y, int x) {
    boolean inside = y >= 0 && y < SIDE && x >= 0 && x < SIDE;
    int v = inside ? 1 + 100 * c + 10 * y + x : 0;
    return (v / 255f - (c == 0 ? .5f : .25f)) / (c == 0 ? .2f : .4f);
  }

  @Test
  void everyShiftAndMirrorIsACropOfTheBlackPaddedImage() {
    MemoryImages images = new MemoryImages(2, SIDE, SIDE, image(), new byte[] {7});
    GatherAugment normalization =
        new GatherAugment(
            SIDE, SIDE, 0, PadMode.ZERO, 0, new float[] {.5f, .25f}, new float[] {.2f, .4f});
    Slot slot = new Slot(images, 15 * 15 * 2, true);
    slot.rows = 15 * 15 * 2;
    EpochOrder order = EpochOrder.of(new int[slot.rows]);
    for (int row = 0; row < slot.rows; row++) {
      slot.put(row, image(), change(row), order, row);
    }
    try (FloatPointer out = new FloatPointer(3 + (long) slot.rows * 2 * SIDE * SIDE);
        LongPointer labels = new LongPointer(slot.rows)) {
      slot.write(normalization, slot.pointer(), null, Matrix.CPU, out.getPointer(3), null);
      for (int row = 0; row < slot.rows; row++) {
        Augmentation.Change change = change(row);
        for (int i = 0; i < 2 * SIDE * SIDE; i++) {
          int x = change.mirrored() ? SIDE - 1 - i % SIDE : i % SIDE;
          float expected =
              pixel(i / (SIDE * SIDE), i / SIDE % SIDE + change.down(), x + change.across());
          assertThat(out.get(3 + (long) row * 2 * SIDE * SIDE + i)).isEqualTo(expected);
        }
      }
      slot.labels(labels);
      long[] host = new long[slot.rows];
      labels.get(host);
      assertThat(host).containsOnly(7);
    }
  }

  private static Augmentation.Change change(int row) {
    return new Augmentation.Change(row / 30 - 7, row / 2 % 15 - 7, row % 2 == 1);
  }

  @Test
  void drawsEveryShiftEquallyOftenAndMirrorsHalf() {
    Augmentation augmentation = new Augmentation(4, true);
    int[][] counts = new int[9][9];
    int mirrored = 0;
    int draws = 81_000;
    for (int i = 0; i < draws; i++) {
      Augmentation.Change change = augmentation.draw(3, 1, i);
      counts[change.down() + 4][change.across() + 4]++;
      mirrored += change.mirrored() ? 1 : 0;
    }
    double chiSquare = 0;
    for (int[] row : counts) {
      for (int count : row) {
        chiSquare += (count - 1000.0) * (count - 1000.0) / 1000.0;
      }
    }
    // 80 degrees of freedom, p = 1e-4; five standard deviations.
    assertThat(chiSquare).isLessThan(132.0);
    assertThat(mirrored).isBetween(draws / 2 - 712, draws / 2 + 712);
  }

  @Test
  void noneChangesNothing() {
    for (int i = 0; i < 100; i++) {
      assertThat(Augmentation.NONE.draw(3, 1, i)).isEqualTo(new Augmentation.Change(0, 0, false));
    }
  }

  private static String published(String dataset, int side, boolean transformer) {
    ImageSet images = new MemoryImages(3, side, side, new byte[3 * side * side], new byte[] {0});
    Dataset data = new Dataset(dataset, images, images, List.of("a"), "", Normalization.IMAGENET);
    return Augmentation.published(data, transformer).toString();
  }

  /** As the published code: a crop for everything but transformers, the rest for all. */
  @Test
  void publishedComesFromDataSetAndArchitecture() {
    for (String cifar : List.of("cifar10", "cifar100")) {
      assertThat(published(cifar, 32, false)).isEqualTo("crop 4 black");
      assertThat(published(cifar, 32, true)).isEqualTo("none");
      assertThat(published(cifar, 224, true)).isEqualTo("none");
      assertThat(published(cifar, 64, false)).isEqualTo("none");
    }
    assertThat(published("tiny-imagenet", 64, false)).isEqualTo("crop 8 edge, flip");
    assertThat(published("tiny-imagenet", 64, true)).isEqualTo("flip");
    assertThat(published("tiny-imagenet", 224, true)).isEqualTo("flip");
    for (boolean transformer : new boolean[] {false, true}) {
      assertThat(published("mufac", transformer ? 224 : 128, transformer))
          .isEqualTo("flip, shear 10.0, scale 0.2, jitter 0.2");
      for (String plain : List.of("imagenet", "image-folder", "mnist", "synthetic")) {
        assertThat(published(plain, 28, transformer)).isEqualTo("none");
      }
    }
    assertThat(published("imagenet", 32, false)).isEqualTo(Augmentation.NONE.toString());
  }
}
