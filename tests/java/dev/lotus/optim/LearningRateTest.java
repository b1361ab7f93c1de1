package dev.lotus.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.device.InputException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LearningRateTest {
  @Test
  void constantStays() {
    LearningRate rate = LearningRate.constant(0.25);
    assertThat(rate.at(0)).isEqualTo(0.25);
    assertThat(rate.at(1000)).isEqualTo(0.25);
  }

  @ParameterizedTest
  @CsvSource({"0, 0.0033333333", "14, 0.05", "29, 0.1", "30, 0.0991666667", "89, 0.05", "149, 0"})
  void warmupThenDecayIsThePublishedOne(int epoch, double expected) {
    assertThat(LearningRate.warmupThenDecay(0.1, 30, 150).at(epoch))
        .isCloseTo(expected, within(1e-9));
  }

  @Test
  void withoutWarmupItFallsFromTheStart() {
    LearningRate rate = LearningRate.warmupThenDecay(1, 0, 4);
    assertThat(rate.at(0)).isEqualTo(0.75);
    assertThat(rate.at(3)).isZero();
    assertThat(rate.at(9)).isZero();
  }

  @Test
  void aWarmupAsLongAsTheRunIsRefused() {
    assertThatThrownBy(() -> LearningRate.warmupThenDecay(0.1, 5, 5))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("warm-up of 5 epochs in a run of 5");
    assertThatThrownBy(() -> LearningRate.warmupThenDecay(-1, 1, 5))
        .isInstanceOf(InputException.class);
    assertThatThrownBy(() -> LearningRate.constant(Double.NaN)).isInstanceOf(InputException.class);
  }
}
