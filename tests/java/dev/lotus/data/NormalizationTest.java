package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NormalizationTest {
  private static final Normalization OWN = Normalization.CIFAR10;

  @Test
  void readsNamesAndNumbers() {
    assertThat(Normalization.parse(null, OWN)).isSameAs(OWN);
    assertThat(Normalization.parse("imagenet", OWN).mean()).containsExactly(.485f, .456f, .406f);
    assertThat(Normalization.parse("cifar10", OWN).std()).containsExactly(.2023f, .1994f, .2010f);
    assertThat(Normalization.parse("none", OWN)).isEqualTo(Normalization.uniform(3, 0, 1));
    assertThat(Normalization.parse("none", Normalization.MNIST).channels()).isEqualTo(1);
    assertThat(Normalization.parse("0.1, .2,0:1,2,3e-1", OWN))
        .isEqualTo(new Normalization(new float[] {.1f, .2f, 0}, new float[] {1, 2, .3f}));
  }

  @Test
  void readsWhatItWrites() {
    assertThat(Normalization.parse(OWN.toString(), OWN)).isEqualTo(OWN);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "cifar100 | neither cifar10, imagenet, none",
        "1,2,3 | neither cifar10, imagenet, none",
        "1,2,x:1,1,1 | 'x' is not a number",
        "1,2,3:1,1 | as many means as standard deviations",
        "1,2,3:1,0,1 | channel 1 is mean 2.0, std 0.0",
        "1,2,NaN:1,1,1 | channel 2",
        "0.5:0.5 | has 1 channels, the images have 3",
      })
  void refuses(String text, String message) {
    assertThatThrownBy(() -> Normalization.parse(text, OWN))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message);
  }
}
