package dev.lotus.backbone;

import static dev.lotus.backbone.Tensors.images;
import static dev.lotus.backbone.Tensors.values;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import dev.lotus.device.Precision;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Shapes, modes, gradients and memory of a forward pass. */
@ExtendWith(LeakCheck.class)
class ForwardTest {
  private static final double SMALLEST_GRADIENT = 1e-3;
  private static final Arch TINY = new Arch("resnet20", 4, 3, 0.5, 8);

  @ParameterizedTest
  @CsvSource({
    "resnet18, 10, 3, 0.125, 32",
    "resnet18, 7, 1, 0.25, 28",
    "resnet20, 10, 3, 1, 32",
    "resnet32, 101, 1, 0.5, 28",
    "resnet44, 3, 3, 0.5, 9",
    "resnet56, 10, 3, 0.3, 32",
    "resnet18, 2, 3, 0.125, 1",
    "resnet20, 2, 3, 0.5, 1",
    "resnet18_torchvision, 5, 3, 0.125, 33",
    "resnet18_cifar, 5, 1, 0.125, 32",
    "vit_b_16, 7, 1, 0.0625, 16",
    "vit_s_16, 101, 3, 0.125, 48",
    "vit_ti_16, 2, 3, 0.25, 64"
  })
  void logitsHaveOneRowAnImageAndOneColumnAClass(
      String name, int classes, int channels, double width, int size) {
    try (PointerScope scope = new PointerScope();
        Backbone model = Backbones.create(new Arch(name, classes, channels, width, size))) {
      model.initialise(1);
      for (boolean training : new boolean[] {true, false}) {
        model.train(training);
        Tensor logits = model.forward(images(3, channels, size));
        assertThat(Checkpoint.shapeOf(logits)).containsExactly(3, classes);
        assertThat(values(logits))
            .doesNotContain(Double.NaN)
            .doesNotContain(Double.POSITIVE_INFINITY);
      }
    }
  }

  /** Published: 41 M products for ResNet-20, 1.8 G for ResNet-18 at 224, 17.6 G for ViT-B/16. */
  @ParameterizedTest
  @CsvSource({
    "resnet20, 10, 32, 0.0408e9",
    "resnet18_torchvision, 1000, 224, 1.814e9",
    "vit_b_16, 1000, 224, 17.56e9",
    "vit_ti_16, 1000, 224, 1.26e9"
  })
  void operationsOfAForwardPassAreTwiceThePublishedProducts(
      String name, int classes, int size, double products) {
    try (Backbone model = Backbones.create(new Arch(name, classes, 3, 1, size))) {
      assertThat(model.flops(size, size)).isCloseTo(2 * products, withinPercentage(1));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "resnet18, 10, 32, 11524426, 112",
    "resnet20, 10, 32, 269722, 116",
    "resnet56, 10, 32, 853018, 332",
    "resnet18_torchvision, 1000, 224, 11689512, 122",
    "vit_b_16, 1000, 224, 86567656, 152",
    "vit_s_16, 1000, 224, 22050664, 152",
    "vit_ti_16, 1000, 224, 5717416, 152"
  })
  void parameterAndStateCountsAreThePublishedOnes(
      String name, int classes, int size, long parameters, int entries) {
    try (Backbone model = Backbones.create(new Arch(name, classes, 3, 1, size))) {
      assertThat(model.parameters().stream().mapToLong(Tensor::numel).sum()).isEqualTo(parameters);
      assertThat(model.state()).hasSize(entries);
    }
  }

  @Test
  void evaluationIsPerImageAndLeavesTheStatisticsAlone() {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard();
        Backbone model = Backbones.create(TINY)) {
      model.initialise(1);
      model.forward(images(4, 3, 8));
      assertThat(model.state().get("bn1.num_batches_tracked").item_long()).isEqualTo(1);
      assertThat(model.state().get("layer3.2.bn2.num_batches_tracked").item_long()).isEqualTo(1);
      double[] mean = values(model.state().get("layer2.0.bn1.running_mean"));
      assertThat(mean).isNotEqualTo(new double[mean.length]);

      model.train(false);
      Tensor batch = images(4, 3, 8);
      double[] together = values(model.forward(batch));
      double[] alone = values(model.forward(batch.narrow(0, 2, 1)));
      for (int c = 0; c < 4; c++) {
        assertThat(alone[c]).isCloseTo(together[2 * 4 + c], within(1e-5));
      }
      assertThat(values(model.state().get("layer2.0.bn1.running_mean"))).isEqualTo(mean);
      assertThat(model.state().get("bn1.num_batches_tracked").item_long()).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @CsvSource({"resnet20, layer2.0.conv1.weight", "resnet18, layer3.1.identity_conv.weight"})
  void gradientsAgreeWithDifferences(String name, String weight) {
    try (PointerScope scope = new PointerScope();
        Backbone model = Backbones.create(new Arch(name, 3, 2, 0.125, 8))) {
      model.initialise(3);
      try (NoGradGuard noGrad = new NoGradGuard()) {
        // Statistics that fit the images keep the activations, and so the differences, of order
        // one.
        for (int i = 0; i < 30; i++) {
          model.forward(images(5, 2, 8));
        }
      }
      model.train(false); // running statistics: the loss is then a function of the weights alone
      Tensor x = images(5, 2, 8);
      model.forward(x).square().sum().backward();
      for (Tensor parameter : model.parameters()) {
        assertThat(parameter.grad().defined()).isTrue();
      }
      Tensor parameter = model.state().get(weight);
      double[] gradient = values(parameter.grad());
      int largest = 0;
      for (int i = 0; i < gradient.length; i++) {
        largest = Math.abs(gradient[i]) > Math.abs(gradient[largest]) ? i : largest;
      }
      double step = 1e-2;
      double rise =
          lossWith(model, parameter, largest, step, x)
              - lossWith(model, parameter, largest, -step, x);
      double slope = rise / (2 * step);
      assertThat(Math.abs(gradient[largest])).isGreaterThan(SMALLEST_GRADIENT);
      assertThat(slope).isCloseTo(gradient[largest], within(0.02 * Math.abs(gradient[largest])));
    }
  }

  private static double lossWith(
      Backbone model, Tensor parameter, int element, double change, Tensor x) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Tensor one = parameter.view(-1).narrow(0, element, 1);
      Tensor before = one.clone();
      one.add_(new Scalar(change));
      double loss = model.forward(x).to(ScalarType.Double).square().sum().item_double();
      one.copy_(before);
      return loss;
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"resnet18", "resnet18_cifar", "vit_ti_16"})
  void channelsLastAndBf16ComeToTheSameLogits(String name) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard();
        Backbone model = Backbones.create(new Arch(name, 10, 3, 0.25, 32))) {
      model.initialise(5);
      model.train(false);
      Tensor x = images(4, 3, 32);
      double[] plain = values(model.forward(x));
      model.channelsLast(true);
      double[] last = values(model.forward(x));
      double[] bf16;
      try (Precision.Mode mode = Precision.BF16.autocast(ComputeDevice.CPU)) {
        Tensor logits = model.forward(x);
        assertThat(logits.scalar_type().intern()).isEqualTo(ScalarType.BFloat16);
        bf16 = values(logits);
      }
      assertThat(model.forward(x).scalar_type().intern()).isEqualTo(ScalarType.Float);
      for (int i = 0; i < plain.length; i++) {
        assertThat(last[i]).isCloseTo(plain[i], within(1e-4));
        assertThat(bf16[i]).isCloseTo(plain[i], within(0.05));
      }
    }
  }

  @Test
  void imagesThatDoNotFitAreRefusedWithTheNumbers() {
    try (PointerScope scope = new PointerScope();
        Backbone model = Backbones.create(TINY)) {
      assertThatThrownBy(() -> model.forward(images(2, 1, 8)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("[B, 3, H, W]")
          .hasMessageContaining("[2, 1, 8, 8]");
      assertThatThrownBy(() -> model.forward(images(2, 3, 8).view(2, -1)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("[2, 192]");
      assertThatThrownBy(() -> model.forward(images(1, 3, 4)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("one value a channel");
      assertThat(model.forward(images(1, 3, 8)).defined()).isTrue();
    }
  }

  @Test
  void twoHundredStepsLeaveNativeMemoryFlat() {
    try (PointerScope scope = new PointerScope();
        Backbone model = Backbones.create(new Arch("resnet20", 3, 3, 0.5, 8))) {
      model.initialise(1);
      Tensor x = images(2, 3, 8);
      long objects = 0;
      long bytes = 0;
      for (int step = 0; step < 200; step++) {
        try (PointerScope perStep = new PointerScope()) {
          model.forward(x).sum().backward();
        }
        if (step == 0) {
          objects = Pointer.totalCount();
          bytes = Pointer.totalBytes();
        }
      }
      assertThat(Pointer.totalCount()).isLessThanOrEqualTo(objects);
      assertThat(Pointer.totalBytes()).isLessThanOrEqualTo(bytes);
    }
  }

  @Test
  void onlyTheLogitsOutliveTheCall() {
    try (PointerScope scope = new PointerScope();
        Backbone model = Backbones.create(TINY)) {
      Tensor x = images(2, 3, 8);
      long before = Pointer.totalCount();
      Tensor logits = model.forward(x);
      assertThat(Pointer.totalCount()).isLessThanOrEqualTo(before + 1);
      assertThat(logits.defined()).isTrue();
    }
  }
}
