package dev.lotus.backbone;

import static dev.lotus.backbone.Tensors.crc32;
import static dev.lotus.backbone.Tensors.values;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.device.LeakCheck;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The backbones beside the published Python modules (ResNet18 of cspartalis/LoTUS, resnet20 of
 * akamaster/pytorch_resnet_cifar10) under PyTorch 2.13: torch.manual_seed(3407), the constructor,
 * one forward pass in training mode and one in evaluation mode on sin(0.7 i) as images [2, 3, 32,
 * 32]. The figures are the second row's.
 */
@ExtendWith(LeakCheck.class)
class PublishedFormTest {
  private static final double[] RESNET18_TRAIN = {
    -0.18529953062534332, 0.10074933618307114, -0.5953923463821411, 0.14681044220924377,
    -0.14772364497184753, 0.20592691004276276, -0.19376547634601593, -0.108690544962883,
    -0.10069896280765533, 0.17699813842773438
  };
  private static final double[] RESNET18_EVAL = {
    -0.019597049802541733, -0.042122650891542435, 0.014363182708621025, 0.03307957202196121,
    -0.016903525218367577, 0.0442042201757431, -0.007117914035916328, 0.014092027209699154,
    -0.02516086772084236, 0.04428819939494133
  };
  private static final double[] RESNET20_TRAIN = {
    2.695932626724243, -3.3331615924835205, 2.0832738876342773, -1.5726271867752075,
    3.9517135620117188, -1.136864423751831, -0.904737114906311, -1.7134268283843994,
    -0.5699782371520996, -1.4865316152572632
  };
  private static final double[] RESNET20_EVAL = {
    3.970379114151001, -14.234238624572754, -2.865750551223755, -18.125247955322266,
    24.301666259765625, -1.364189863204956, -14.302766799926758, -19.462610244750977,
    -10.643059730529785, -18.57471466064453
  };

  @Test
  void resnet18StartsFromThePublishedWeightsBitByBit() {
    try (Backbone model = Backbones.create(new Arch("resnet18", 10, 3, 1, 32))) {
      model.initialise(3407);
      var state = model.state();
      assertThat(crc32(state.get("conv1.weight"))).isEqualTo(2653929714L);
      assertThat(crc32(state.get("layer1.0.identity_conv.weight"))).isEqualTo(3760188652L);
      assertThat(crc32(state.get("layer2.1.conv2.weight"))).isEqualTo(3150657474L);
      assertThat(crc32(state.get("layer3.0.conv1.weight"))).isEqualTo(716827651L);
      assertThat(crc32(state.get("fc.weight"))).isEqualTo(1330709321L);
      assertThat(crc32(state.get("fc.bias"))).isEqualTo(2501701960L);
      assertThat(List.copyOf(state.keySet()).subList(5, 8))
          .containsExactly(
              "bn1.num_batches_tracked", "layer1.0.conv1.weight", "layer1.0.bn1.weight");
      assertThat(state.keySet().stream().filter(name -> name.contains("identity_conv"))).hasSize(8);
      compare(model, RESNET18_TRAIN, RESNET18_EVAL);
    }
  }

  @Test
  void resnet20StartsFromThePublishedWeights() {
    try (Backbone model = Backbones.create(new Arch("resnet20", 10, 3, 1, 32))) {
      model.initialise(3407);
      // Uniform draws are exact everywhere; normal ones depend on the machine's vector logarithm in
      // the last bit.
      assertThat(crc32(model.state().get("linear.bias"))).isEqualTo(1960744149L);
      compare(model, RESNET20_TRAIN, RESNET20_EVAL);
    }
  }

  /** torchvision 0.29: torch.manual_seed(3407); resnet18(num_classes=10). */
  @Test
  void torchvisionsResnet18StartsFromItsConstructorsWeights() {
    try (Backbone model = Backbones.create(new Arch("resnet18_torchvision", 10, 3, 1, 224))) {
      model.initialise(3407);
      var state = model.state();
      assertThat(crc32(state.get("fc.bias"))).isEqualTo(968761704L);
      requireStart(state.get("conv1.weight"), 0.02046578750014305, 0.0007912344299256802);
      requireStart(
          state.get("layer2.0.downsample.0.weight"), -0.029514560475945473, 0.13461187481880188);
      requireStart(state.get("layer4.1.conv2.weight"), 0.03296021372079849, -0.0059891692362725735);
      assertThat(List.copyOf(state.keySet()).subList(41, 44))
          .containsExactly(
              "layer2.0.bn2.num_batches_tracked",
              "layer2.0.downsample.0.weight",
              "layer2.0.downsample.1.weight");
    }
  }

  private static void requireStart(Tensor tensor, double... first) {
    double[] all = values(tensor);
    for (int i = 0; i < first.length; i++) {
      assertThat(all[i]).isCloseTo(first[i], within(1e-6));
    }
  }

  @Test
  void gradientsAreThePublishedModulesOnes() {
    try (PointerScope scope = new PointerScope();
        Backbone model = Backbones.create(new Arch("resnet18", 10, 3, 1, 32))) {
      model.initialise(3407);
      try (NoGradGuard noGrad = new NoGradGuard()) {
        model.forward(Tensors.images(2, 3, 32));
      }
      model.train(false);
      Tensor logits = model.forward(Tensors.images(2, 3, 32));
      torch.cross_entropy_loss(logits, torch.tensor(new long[] {3, 7})).backward();
      double squares = 0;
      for (Tensor parameter : model.parameters()) {
        for (double g : values(parameter.grad())) {
          squares += g * g;
        }
      }
      assertThat(Math.sqrt(squares)).isCloseTo(0.7025421548006855, within(1e-4));
    }
  }

  private static void compare(Backbone model, double[] train, double[] eval) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      Tensor images = Tensors.images(2, 3, 32);
      requireClose(values(model.forward(images)), train);
      model.train(false);
      requireClose(values(model.forward(images)), eval);
    }
  }

  private static void requireClose(double[] logits, double[] secondRow) {
    for (int c = 0; c < secondRow.length; c++) {
      double tolerance = 2e-5 + 2e-4 * Math.abs(secondRow[c]);
      assertThat(logits[secondRow.length + c]).isCloseTo(secondRow[c], within(tolerance));
    }
  }
}
