package dev.lotus.backbone;

import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * ResNet-18 in torchvision's form (and timm's: the same names): a 7x7 stem of stride 2, a 3x3 max
 * pooling of stride 2, four layers of two basic blocks, and on the shortcut a 1x1 convolution with
 * BatchNorm where a layer halves the image. The CIFAR form has a 3x3 stem of stride 1 and no
 * pooling.
 */
final class TorchvisionResNet18 extends ConvolutionalBackbone<TorchvisionResNet18.Downsampling> {
  private static final int[] CHANNELS = {64, 128, 256, 512};
  private static final Plan IMAGENET = new Plan(CHANNELS, 2, 7, 2, true, "fc");
  private static final Plan CIFAR = new Plan(CHANNELS, 2, 3, 1, false, "fc");

  TorchvisionResNet18(Arch arch, boolean cifarStem) {
    super(arch, cifarStem ? CIFAR : IMAGENET, Downsampling::new);
  }

  /** Nothing at stride 1, where both are null. */
  static final class Downsampling implements Shortcut {
    private final Layers.Convolution convolution;
    private final Layers.BatchNorm norm;

    Downsampling(StateBuilder state, String block, int in, int out, int stride) {
      String name = block + ".downsample";
      convolution =
          stride == 1 ? null : new Layers.Convolution(state, name + ".0", in, out, 1, stride);
      norm = stride == 1 ? null : new Layers.BatchNorm(state, name + ".1", out);
    }

    @Override
    public Tensor apply(Tensor x, Layers.Mode mode) {
      return convolution == null ? x : norm.after(convolution, x, mode);
    }

    @Override
    public double flops(long pixels) {
      return convolution == null ? 0 : convolution.flops(pixels);
    }
  }

  /**
   * torchvision's constructor lets PyTorch draw its defaults, a layer's downsampling before its
   * blocks, and then draws the convolutions again in the order of their names.
   */
  @Override
  void draw(GeneratorOptional generator) {
    stem.drawUniform(generator);
    for (Block<Downsampling> block : blocks) {
      if (block.shortcut.convolution != null) {
        block.shortcut.convolution.drawUniform(generator);
      }
      block.conv1.drawUniform(generator);
      block.conv2.drawUniform(generator);
    }
    head.drawUniform(generator);
    stem.drawNormalByOutputs(generator);
    stemNorm.reset();
    for (Block<Downsampling> block : blocks) {
      block.conv1.drawNormalByOutputs(generator);
      block.bn1.reset();
      block.conv2.drawNormalByOutputs(generator);
      block.bn2.reset();
      if (block.shortcut.convolution != null) {
        block.shortcut.convolution.drawNormalByOutputs(generator);
        block.shortcut.norm.reset();
      }
    }
  }
}
