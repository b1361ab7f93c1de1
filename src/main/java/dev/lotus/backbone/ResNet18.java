package dev.lotus.backbone;

import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * ResNet-18 in the form of the published LoTUS code (cspartalis/LoTUS, src/models.py): a 3x3 stem
 * of stride 1, a 3x3 max pooling of stride 2, four layers of two basic blocks, and in EVERY block a
 * 1x1 convolution without BatchNorm on the shortcut.
 */
final class ResNet18 extends ConvolutionalBackbone<ResNet18.Projection> {
  private static final Plan PLAN = new Plan(new int[] {64, 128, 256, 512}, 2, 3, 1, true, "fc");

  ResNet18(Arch arch) {
    super(arch, PLAN, Projection::new);
  }

  /** The 1x1 convolution. */
  static final class Projection implements Shortcut {
    private final Layers.Convolution convolution;

    Projection(StateBuilder state, String block, int in, int out, int stride) {
      convolution = new Layers.Convolution(state, block + ".identity_conv", in, out, 1, stride);
    }

    @Override
    public Tensor apply(Tensor x, Layers.Mode mode) {
      return convolution.apply(x);
    }

    @Override
    public double flops(long pixels) {
      return convolution.flops(pixels);
    }
  }

  /** PyTorch's defaults, in the order in which the published constructor makes the layers. */
  @Override
  void draw(GeneratorOptional generator) {
    stem.drawUniform(generator);
    stemNorm.reset();
    for (Block<Projection> block : blocks) {
      block.conv1.drawUniform(generator);
      block.bn1.reset();
      block.conv2.drawUniform(generator);
      block.bn2.reset();
      block.shortcut.convolution.drawUniform(generator);
    }
    head.drawUniform(generator);
  }
}
