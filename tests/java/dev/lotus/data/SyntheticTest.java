package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SyntheticTest {
  @Test
  void isTheSameForTheSameSeedOnly() {
    Dataset data = Datasets.open("synthetic", null, 1);
    assertThat(Datasets.open("synthetic", null, 1).sha256()).isEqualTo(data.sha256());
    assertThat(Datasets.open("synthetic", null, 2).sha256()).isNotEqualTo(data.sha256());
    byte[] a = new byte[3072];
    byte[] b = new byte[3072];
    data.train().read(17, a, 0);
    Datasets.open("synthetic", null, 1).train().read(17, b, 0);
    assertThat(b).isEqualTo(a);
    data.heldOut().read(17, b, 0);
    assertThat(b).isNotEqualTo(a);
  }

  @Test
  void isTheSameOnEveryMachine() {
    assertThat(Datasets.open("synthetic", null, 1).sha256())
        .isEqualTo("bc2065fc751ae0e34cc1e88f53f345e1bede88e4da0537f4ffa520adf1b6aef7");
  }

  @Test
  void hasTenNearlyEqualClassesOfColourImages() {
    Dataset data = Datasets.open("synthetic", null, 3);
    assertThat(data.train().size()).isEqualTo(Synthetic.TRAIN);
    assertThat(data.heldOut().size()).isEqualTo(Synthetic.HELD_OUT);
    assertThat(data.train().imageBytes()).isEqualTo(3 * 32 * 32);
    assertThat(data.classes()).isEqualTo(10);
    int[] counts = new int[10];
    for (int i = 0; i < data.train().size(); i++) {
      counts[data.train().label(i)]++;
    }
    for (int count : counts) {
      assertThat(count).isBetween(160, 240);
    }
  }

  @Test
  void fillsTheGreyScaleAsItsNormalisationSays() {
    Dataset data = Datasets.open("synthetic", null, 4);
    byte[] image = new byte[3072];
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < data.train().size(); i++) {
      data.train().read(i, image, 0);
      for (byte b : image) {
        double v = (b & 0xff) / 255.0;
        sum += v;
        squares += v * v;
      }
    }
    double n = 3072.0 * data.train().size();
    double mean = sum / n;
    assertThat(mean).isBetween(0.47, 0.53);
    assertThat(Math.sqrt(squares / n - mean * mean)).isBetween(0.2, 0.3);
  }
}
