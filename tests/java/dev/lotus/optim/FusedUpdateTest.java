package dev.lotus.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import dev.lotus.kernel.MaskMode;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Adam;
import org.bytedeco.pytorch.AdamOptions;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The kernels' optimizers beside libtorch's, on weights in both memory orders. */
@ExtendWith(LeakCheck.class)
class FusedUpdateTest {
  /** A matrix, a convolution's weights in channels-last order, and one that gets no gradient. */
  private static List<Tensor> weights() {
    Tensor matrix = torch.arange(new Scalar(6f)).view(2, 3).sin();
    Tensor filters =
        torch.arange(new Scalar(54f)).view(2, 3, 3, 3).cos().contiguous(MemoryFormat.ChannelsLast);
    Tensor unused = torch.ones(2);
    return List.of(
        matrix.set_requires_grad(true),
        filters.set_requires_grad(true),
        unused.set_requires_grad(true));
  }

  private static void squares(List<Tensor> weights) {
    try (PointerScope scope = new PointerScope()) {
      weights.get(0).square().sum().add(weights.get(1).square().sum()).backward();
    }
  }

  private static void agree(
      Function<List<Tensor>, WeightUpdate> fused, Function<List<Tensor>, WeightUpdate> libtorch) {
    try (PointerScope scope = new PointerScope()) {
      List<Tensor> a = weights();
      List<Tensor> b = weights();
      try (WeightUpdate left = fused.apply(a);
          WeightUpdate right = libtorch.apply(b)) {
        for (int step = 0; step < 5; step++) {
          left.learningRate(0.1 / (step + 1));
          right.learningRate(0.1 / (step + 1));
          left.zeroGrad();
          right.zeroGrad();
          squares(a);
          squares(b);
          left.step();
          right.step();
          for (int i = 0; i < 3; i++) {
            assertThat(a.get(i).sub(b.get(i)).abs().max().item_float()).isLessThan(1e-6f);
          }
        }
        assertThat(a.get(1).is_contiguous(MemoryFormat.ChannelsLast)).isTrue();
      }
    }
  }

  /** As a graph repeats it: what a step comes to is found in memory. */
  @Test
  void fedStepsHaveTheBitsOfPlainOnes() {
    List<Function<List<Tensor>, FusedUpdate>> all =
        List.of(
            w -> FusedUpdate.adamW(w, 0.1, 0.05),
            w -> FusedUpdate.adam(w, 0.1, 0.05),
            w -> FusedUpdate.sgd(w, 0.1, 0.9, 0.05));
    for (Function<List<Tensor>, FusedUpdate> make : all) {
      try (PointerScope scope = new PointerScope()) {
        List<Tensor> a = weights();
        List<Tensor> b = weights();
        try (FusedUpdate plain = make.apply(a);
            FusedUpdate fed = make.apply(b)) {
          for (int step = 0; step < 5; step++) {
            plain.learningRate(0.1 / (step + 1));
            fed.learningRate(0.1 / (step + 1));
            plain.zeroGrad();
            fed.zeroGrad();
            squares(a);
            squares(b);
            plain.step();
            fed.feed();
            fed.learningRate(3);
            fed.repeatable();
            assertThat(a.get(0).equal(b.get(0)) && a.get(1).equal(b.get(1))).isTrue();
          }
        }
      }
    }
  }

  @Test
  void sgdIsLibtorchs() {
    agree(w -> FusedUpdate.sgd(w, 0.1, 0.9, 0.05), w -> Optimizers.sgd(w, 0.1, 0.9, 0.05));
  }

  @Test
  void adamWIsLibtorchs() {
    agree(w -> FusedUpdate.adamW(w, 0.1, 0.05), w -> Optimizers.adamW(w, 0.1, 0.05));
  }

  /** Adam's decay goes through the moments: not AdamW's. */
  @Test
  void adamIsLibtorchs() {
    agree(
        w -> FusedUpdate.adam(w, 0.1, 0.05),
        w -> {
          AdamOptions options = new AdamOptions(0.1);
          options.weight_decay().put(0.05);
          Adam adam = new Adam(new TensorVector(w.toArray(new Tensor[0])), options);
          return new WeightUpdate() {
            @Override
            public void step() {
              adam.step();
            }

            @Override
            public void zeroGrad() {
              adam.zero_grad(true);
            }

            @Override
            public void learningRate(double rate) {
              adam.param_groups().get(0).options().set_lr(rate);
            }

            @Override
            public void close() {}
          };
        });
  }

  /** Weights whose memory moves, and gradients in another order than their weights'. */
  @Test
  void followsMemoryThatMoves() {
    try (PointerScope scope = new PointerScope()) {
      List<Tensor> a = weights();
      List<Tensor> b = weights();
      try (WeightUpdate left = FusedUpdate.sgd(a, 0.1, 0, 0);
          WeightUpdate right = Optimizers.sgd(b, 0.1, 0, 0)) {
        for (int step = 0; step < 3; step++) {
          left.zeroGrad();
          right.zeroGrad();
          squares(a);
          squares(b);
          boolean last = step % 2 == 1;
          MemoryFormat format = last ? MemoryFormat.ChannelsLast : MemoryFormat.Contiguous;
          a.get(1).set_data(a.get(1).data().contiguous(format));
          left.step();
          right.step();
          assertThat(a.get(1).sub(b.get(1)).abs().max().item_float()).isLessThan(1e-6f);
        }
      }
    }
  }

  @Test
  void aMaskHoldsWeightsAndCanBeSwitchedOff() {
    try (PointerScope scope = new PointerScope()) {
      List<Tensor> w = weights();
      List<Tensor> masks = ParameterTensors.zeros(w, ScalarType.Byte);
      float[] before = {w.get(0).data_ptr_float().get(1), w.get(0).data_ptr_float().get(2)};
      masks.get(0).view(6).narrow(0, 1, 1).fill_(new Scalar(1));
      try (FusedUpdate update = FusedUpdate.sgd(w, 0.1, 0, 0.5)) {
        assertThatThrownBy(() -> update.masked(true)).isInstanceOf(IllegalStateException.class);
        update.mask(masks, MaskMode.UPDATE);
        squares(w);
        update.step();
        assertThat(w.get(0).data_ptr_float().get(1)).isNotEqualTo(before[0]);
        assertThat(w.get(0).data_ptr_float().get(2)).isEqualTo(before[1]);
        update.masked(false);
        update.step();
        assertThat(w.get(0).data_ptr_float().get(2)).isNotEqualTo(before[1]);
      }
      ParameterTensors.release(masks);
    }
  }

  /** In double: sums of squares, and sums with their signs. */
  @Test
  void scoresAddUpAndMoveNothing() {
    try (PointerScope scope = new PointerScope()) {
      for (GradientScores.Kind kind : GradientScores.Kind.values()) {
        List<Tensor> w = weights();
        float before = w.get(0).data_ptr_float().get(2);
        try (GradientScores scores = new GradientScores(w, kind, 0.5f)) {
          for (int step = 0; step < 3; step++) {
            scores.zeroGrad();
            squares(w);
            scores.step();
          }
          double gradient = 2 * before;
          double each = kind == GradientScores.Kind.SQUARE ? gradient * gradient : gradient;
          assertThat((double) scores.scores().get(0).data_ptr_float().get(2))
              .isCloseTo(1.5 * each, within(1e-5));
          assertThat(w.get(0).data_ptr_float().get(2)).isEqualTo(before);
        }
      }
    }
  }

  @Test
  void otherTypesAndBadRatesAreRefused() {
    try (PointerScope scope = new PointerScope()) {
      List<Tensor> doubles = List.of(torch.ones(2).to(ScalarType.Double));
      assertThatThrownBy(() -> FusedUpdate.sgd(doubles, 0.1, 0, 0))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("parameter 0 of the model is Double");
      List<Tensor> gaps = List.of(torch.ones(4, 4).narrow(1, 0, 2));
      assertThatThrownBy(() -> FusedUpdate.adamW(gaps, 0.1, 0)).isInstanceOf(InputException.class);
      assertThatThrownBy(() -> FusedUpdate.sgd(List.of(), 0.1, 1, 0))
          .isInstanceOf(InputException.class);
      assertThatThrownBy(() -> FusedUpdate.adam(List.of(), -1, 0))
          .isInstanceOf(InputException.class);
      assertThatThrownBy(() -> FusedUpdate.adamW(List.of(), 0.1, Double.NaN))
          .isInstanceOf(InputException.class);
    }
  }

  @Test
  void stepsLeaveNativeMemoryFlat() {
    try (PointerScope scope = new PointerScope()) {
      List<Tensor> w = weights();
      try (FusedUpdate update = FusedUpdate.adam(w, 1e-3, 0.1)) {
        long objects = 0;
        for (int step = 0; step < 40; step++) {
          update.zeroGrad();
          squares(w);
          update.step();
          objects = step == 3 ? Pointer.totalCount() : objects;
        }
        assertThat(Pointer.totalCount()).isLessThanOrEqualTo(objects);
      }
    }
  }
}
