package dev.lotus.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The updates beside their definitions in double. */
@ExtendWith(LeakCheck.class)
class OptimizersTest {
  private static final double[] START = {1.0, -2.0, 0.5};

  /** One backward pass of sum(w^2 / 2 * (1, 2, 3)): the gradient is w times 1, 2, 3. */
  private static void backward(Tensor w) {
    try (PointerScope scope = new PointerScope()) {
      w.square().mul(torch.tensor(new float[] {0.5f, 1f, 1.5f})).sum().backward();
    }
  }

  private static Tensor weights() {
    return torch.tensor(new float[] {1f, -2f, 0.5f}).set_requires_grad(true);
  }

  private static void assertClose(Tensor w, double[] expected) {
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) w.data_ptr_float().get(i)).isCloseTo(expected[i], within(1e-6));
    }
  }

  @Test
  void sgdWithMomentumAndWeightDecay() {
    try (PointerScope scope = new PointerScope()) {
      Tensor w = weights();
      double[] expected = START.clone();
      double[] velocity = new double[3];
      try (WeightUpdate update = Optimizers.sgd(List.of(w), 0.1, 0.9, 0.05)) {
        for (int step = 0; step < 4; step++) {
          double rate = step < 2 ? 0.1 : 0.01;
          update.learningRate(rate);
          update.zeroGrad();
          backward(w);
          update.step();
          for (int i = 0; i < 3; i++) {
            velocity[i] = 0.9 * velocity[i] + (i + 1) * expected[i] + 0.05 * expected[i];
            expected[i] -= rate * velocity[i];
          }
          assertClose(w, expected);
        }
      }
    }
  }

  @Test
  void adamWDecaysApartFromTheMoments() {
    try (PointerScope scope = new PointerScope()) {
      Tensor w = weights();
      double[] expected = START.clone();
      double[] first = new double[3];
      double[] second = new double[3];
      try (WeightUpdate update = Optimizers.adamW(List.of(w), 0.05, 0.1)) {
        for (int step = 1; step <= 5; step++) {
          double rate = step < 3 ? 0.05 : 0.02;
          update.learningRate(rate);
          update.zeroGrad();
          backward(w);
          update.step();
          for (int i = 0; i < 3; i++) {
            double gradient = (i + 1) * expected[i];
            first[i] = 0.9 * first[i] + 0.1 * gradient;
            second[i] = 0.999 * second[i] + 0.001 * gradient * gradient;
            expected[i] *= 1 - rate * 0.1;
            expected[i] -=
                rate
                    * (first[i] / (1 - Math.pow(0.9, step)))
                    / (Math.sqrt(second[i] / (1 - Math.pow(0.999, step))) + 1e-8);
          }
          assertClose(w, expected);
        }
      }
    }
  }

  @Test
  void parametersWithoutGradientStay() {
    try (PointerScope scope = new PointerScope()) {
      Tensor used = weights();
      Tensor unused = weights();
      try (WeightUpdate update = Optimizers.adamW(List.of(used, unused), 0.05, 0.1)) {
        backward(used);
        update.step();
        assertClose(unused, START);
        update.zeroGrad();
        assertThat(used.grad().defined()).isFalse();
      }
    }
  }

  @Test
  void stepsLeaveNativeMemoryFlat() {
    try (PointerScope scope = new PointerScope()) {
      Tensor w = weights();
      try (WeightUpdate adamW = Optimizers.adamW(List.of(w), 1e-3, 0.1);
          WeightUpdate sgd = Optimizers.sgd(List.of(w), 1e-3, 0.9, 0)) {
        long before = Pointer.totalCount();
        for (int step = 0; step < 200; step++) {
          adamW.learningRate(1e-3 / (step + 1));
          adamW.zeroGrad();
          backward(w);
          adamW.step();
          sgd.step();
        }
        assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {-1e-9, Double.NaN, Double.POSITIVE_INFINITY})
  void ratesOutOfRangeAreRefused(double rate) {
    assertThatThrownBy(() -> Optimizers.adamW(List.of(), rate, 0))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("learning rate = " + rate);
    assertThatThrownBy(() -> Optimizers.sgd(List.of(), 0.1, 0.9, rate))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("weight decay = " + rate);
    assertThatThrownBy(() -> Optimizers.sgd(List.of(), 0.1, 1, 0))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("momentum = 1.0");
  }
}
