package dev.lotus.backbone;

import static dev.lotus.backbone.Tensors.values;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.device.LeakCheck;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BinaryOperator;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorArrayRefOptional;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The matrix product beside libtorch's convolution; weights folded and not. */
@ExtendWith(LeakCheck.class)
class DenseConvolutionTest {
  private static final int INPUTS = 5;
  private static final int OUTPUTS = 6;

  @ParameterizedTest
  @CsvSource({
    "3, 1, 1, 1",
    "3, 1, 2, 2",
    "3, 1, 1, 2",
    "3, 2, 2, 2",
    "3, 2, 1, 1",
    "7, 2, 4, 3",
    "7, 1, 4, 4"
  })
  void valuesAndGradientsAreTheConvolutions(int kernel, int stride, int height, int width) {
    DenseConvolution dense = new DenseConvolution(kernel, stride, kernel / 2, OUTPUTS);
    assertThat(dense.fits(height, width)).isTrue();
    long[] strides = {stride, stride};
    long[] padding = {kernel / 2, kernel / 2};
    BinaryOperator<Tensor> direct =
        (x, w) -> torch.conv2d(x, w, new TensorOptional(), strides, padding, new long[] {1, 1}, 1);
    try (PointerScope scope = new PointerScope()) {
      List<double[]> expected = run(direct, kernel, height, width);
      List<double[]> actual = run(dense::apply, kernel, height, width);
      for (int i = 0; i < expected.size(); i++) {
        assertThat(actual.get(i)).containsExactly(expected.get(i), within(1e-4));
      }
    }
  }

  /** Output, gradients of the images and of the weights. */
  private static List<double[]> run(
      BinaryOperator<Tensor> convolution, int kernel, int height, int width) {
    Tensor x = wave(3, INPUTS, height, width);
    Tensor w = wave(OUTPUTS, INPUTS, kernel, kernel);
    Tensor y = convolution.apply(x, w);
    y.backward(
        wave(Checkpoint.shapeOf(y)), new BoolOptional(), false, new TensorArrayRefOptional());
    return List.of(values(y), values(x.grad()), values(w.grad()));
  }

  /** Numbers in -1..1, in channels-last order; a leaf. */
  private static Tensor wave(long... shape) {
    long size = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    Tensor numbers = torch.arange(new Scalar(size)).mul(new Scalar(0.7)).sin();
    return numbers
        .view(shape)
        .contiguous(MemoryFormat.ChannelsLast)
        .detach()
        .set_requires_grad(true);
  }

  @ParameterizedTest
  @CsvSource({"3, 1, 3, 3", "3, 1, 2, 3", "3, 2, 4, 4", "1, 1, 1, 1", "7, 2, 5, 5"})
  void aWindowThatMissesAPixelIsNoMatrixProduct(int kernel, int stride, int height, int width) {
    assertThat(new DenseConvolution(kernel, stride, kernel / 2, OUTPUTS).fits(height, width))
        .isFalse();
  }

  /**
   * At 32x32 the last layer of half the width sees 2x2 pixels of 256 channels; three images of 197
   * tokens are rows enough for products that are made as convolutions.
   */
  @ParameterizedTest
  @CsvSource({
    "resnet18, 0.5, 32, 8, layer4.1.conv2.weight",
    "vit_b_16, 0.0833, 224, 3, blocks.5.mlp.fc1.weight"
  })
  void aNetworkGivesTheSameInBothMemoryOrders(
      String name, double width, int size, int images, String weight) {
    List<double[]> results = new ArrayList<>();
    for (boolean channelsLast : new boolean[] {false, true}) {
      try (PointerScope scope = new PointerScope();
          Backbone model = Backbones.create(new Arch(name, 10, 3, width, size))) {
        model.initialise(1);
        model.channelsLast(channelsLast);
        Tensor logits = model.forward(Tensors.images(images, 3, size));
        logits.sum().backward();
        results.add(values(logits));
        results.add(values(model.state().get(weight).grad()));
      }
    }
    assertThat(distance(results.get(2), results.get(0))).isLessThan(1e-4);
    assertThat(distance(results.get(3), results.get(1))).isLessThan(1e-4);
  }

  /**
   * oneDNN's own strided 1x1 convolution writes past a buffer where there are few channels, on
   * AVX-512, and on AVX2 where there are four.
   */
  @ParameterizedTest
  @CsvSource({"4, 8, 32, 128", "8, 16, 32, 128", "12, 16, 32, 128", "16, 32, 4, 64"})
  void aShortcutOfFewChannelsHasItsGradients(int in, int out, int images, int size) {
    StateBuilder builder = new StateBuilder();
    Layers.Convolution shortcut = new Layers.Convolution(builder, "shortcut", in, out, 1, 2);
    try (PointerScope scope = new PointerScope();
        StateBuilder.State state = builder.build()) {
      Tensor weight = state.byName().get("shortcut.weight");
      weight.detach().copy_(wave(out, in, 1, 1).detach());
      List<double[]> expected = shortcutGradients(shortcut, weight, images, size, false);
      List<double[]> actual = shortcutGradients(shortcut, weight, images, size, true);
      for (int i = 0; i < expected.size(); i++) {
        assertThat(distance(actual.get(i), expected.get(i))).isLessThan(1e-2);
      }
    }
  }

  private static List<double[]> shortcutGradients(
      Layers.Convolution shortcut, Tensor weight, int images, int size, boolean channelsLast) {
    weight.mutable_grad().reset();
    Tensor x = wave(images, weight.size(1), size, size);
    x = channelsLast ? x : x.contiguous(MemoryFormat.Contiguous).detach().set_requires_grad(true);
    Tensor y = shortcut.apply(x);
    y.backward(
        wave(Checkpoint.shapeOf(y)), new BoolOptional(), false, new TensorArrayRefOptional());
    return List.of(values(x.grad()), values(weight.grad()));
  }

  /** The largest difference; an assertion on each of a million numbers takes half a minute. */
  private static double distance(double[] a, double[] b) {
    assertThat(a).hasSameSizeAs(b);
    double most = 0;
    for (int i = 0; i < a.length; i++) {
      most = Math.max(most, Math.abs(a[i] - b[i]));
    }
    return most;
  }

  @Test
  void aFrozenModelGivesTheLogitsOfItsWeights() {
    for (String name : List.of("resnet18", "resnet20", "resnet18_torchvision", "resnet18_cifar")) {
      try (PointerScope scope = new PointerScope();
          NoGradGuard noGrad = new NoGradGuard();
          Backbone model = Backbones.create(new Arch(name, 10, 3, 0.25, 32))) {
        model.initialise(1);
        model.channelsLast(true);
        Tensor images = Tensors.images(4, 3, 32);
        model.forward(images); // moves the running statistics
        model.train(false);
        double[] plain = values(model.forward(images));
        model.frozen(true);
        assertThat(values(model.forward(images))).as(name).containsExactly(plain, within(1e-4));
        assertThat(values(model.forward(images))).as(name).containsExactly(plain, within(1e-4));
        model.frozen(false);
        model.train(true);
        model.forward(images);
        model.train(false);
        double[] moved = values(model.forward(images));
        assertThat(moved).isNotEqualTo(plain);
        model.frozen(true);
        assertThat(values(model.forward(images))).as(name).containsExactly(moved, within(1e-4));
      }
    }
  }
}
