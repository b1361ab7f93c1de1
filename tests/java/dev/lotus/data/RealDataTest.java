package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Subsets of real data sets in the folder -Dlotus.data names; skipped without. */
class RealDataTest {
  private static final double[] IMAGENET_SAMPLE_MEANS = {.50808, .47946, .44058};

  private static Path folder(String name) {
    String place = System.getProperty("lotus.data", "");
    Assumptions.assumeFalse(place.isBlank(), "give -Dlotus.data=DIR with " + name);
    Path folder = Path.of(place, name);
    Assumptions.assumeTrue(Files.isDirectory(folder), folder + " is not there");
    return folder;
  }

  private static int[] counts(ImageSet set) {
    int[] counts = new int[10];
    for (int i = 0; i < set.size(); i++) {
      counts[set.label(i)]++;
    }
    return counts;
  }

  /** Mean of each channel on the 0..1 scale. */
  private static double[] means(ImageSet set) {
    int plane = set.height() * set.width();
    double[] means = new double[set.channels()];
    byte[] image = new byte[set.imageBytes()];
    for (int i = 0; i < set.size(); i++) {
      set.read(i, image, 0);
      for (int p = 0; p < image.length; p++) {
        means[p / plane] += (image[p] & 0xff) / (255.0 * plane * set.size());
      }
    }
    return means;
  }

  @Test
  void cifar10() {
    Path parent = folder("cifar-10-subset");
    Dataset data = Datasets.open("cifar10", parent, 0);
    assertThat(data.train().size()).isEqualTo(5000);
    assertThat(data.heldOut().size()).isEqualTo(1000);
    assertThat(counts(data.train())).containsOnly(500);
    assertThat(counts(data.heldOut())).containsOnly(100);
    assertThat(data.classNames()).element(6).isEqualTo("frog");
    double[] means = means(data.train());
    for (int c = 0; c < 3; c++) {
      assertThat(means[c]).isCloseTo(Normalization.CIFAR10.mean()[c], within(0.01));
    }
    Dataset same = Datasets.open("cifar10", parent.resolve("cifar-10-batches-bin"), 0);
    assertThat(same.sha256()).isEqualTo(data.sha256());
    assertThat(Split.random(data, 0.1, false, 3407).forget()).hasSize(500);
  }

  @Test
  void fashionMnist() {
    Path folder = folder("fashion-mnist-subset");
    Dataset data = Datasets.open("fashion-mnist", folder, 0);
    assertThat(data.train().size()).isEqualTo(10000);
    assertThat(data.heldOut().size()).isEqualTo(2000);
    assertThat(data.train().height()).isEqualTo(28);
    for (int count : counts(data.train())) {
      assertThat(count).isBetween(900, 1100);
    }
    assertThat(means(data.train())[0]).isCloseTo(.2860, within(0.005));
    Dataset same = Datasets.open("fashion-mnist", folder.getParent(), 0);
    assertThat(same.sha256()).isEqualTo(data.sha256());
  }

  /** Originals of ImageNet, one a class, three of them grey. */
  @Test
  void imageNetSample() {
    Path folder = folder("imagenet-sample");
    Dataset data = Datasets.open("image-folder", folder, 0);
    assertThat(data.train().size()).isEqualTo(53);
    assertThat(data.classes()).isEqualTo(53);
    assertThat(data.classNames().get(0)).startsWith("n0");
    DatasetSummary summary = DatasetSummary.of(data.train(), 53, () -> {});
    assertThat(summary.classCounts()).containsOnly(1);
    for (int c = 0; c < 3; c++) {
      // Computed with Pillow: resize 256, centre crop 224.
      assertThat(summary.means()[c]).isCloseTo(IMAGENET_SAMPLE_MEANS[c], within(1 / 255.0));
    }
  }
}
