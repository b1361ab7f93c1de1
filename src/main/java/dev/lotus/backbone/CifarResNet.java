package dev.lotus.backbone;

import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The CIFAR ResNets of He et al. 2015, section 4.2, depth 6n + 2: three stages of n basic blocks
 * with 16, 32, 64 channels and parameter-free shortcuts (option A: every second pixel, new channels
 * zero). Names and initialisation as in akamaster/pytorch_resnet_cifar10.
 */
final class CifarResNet extends ConvolutionalBackbone<ConvolutionalBackbone.Shortcut> {
  /**
   * @param blocksAStage n: 3, 5, 7, 9 for depth 20, 32, 44, 56
   */
  CifarResNet(Arch arch, int blocksAStage) {
    super(
        arch,
        new Plan(new int[] {16, 32, 64}, blocksAStage, 3, 1, false, "linear"),
        (state, block, in, out, stride) ->
            stride == 1 && in == out ? (x, mode) -> x : new Padding(state, in, out, stride));
  }

  /**
   * Option A: x[:, :, ::stride, ::stride] with half of the new, zero channels before and half
   * after.
   */
  private static final class Padding implements Shortcut {
    private final Layers.Thinning thinning;
    private final long[] padding;

    Padding(StateBuilder state, int in, int out, int stride) {
      this.thinning = new Layers.Thinning(state, stride);
      // Channel counts are multiples of 8, so the halves are equal.
      this.padding = new long[] {0, 0, 0, 0, (out - in) / 2, (out - in) / 2};
    }

    @Override
    public Tensor apply(Tensor x, Layers.Mode mode) {
      return torch.constant_pad_nd(thinning.apply(x), padding);
    }
  }

  @Override
  void draw(GeneratorOptional generator) {
    // The published constructor lets PyTorch draw its defaults first and then draws the weights
    // again: both passes, to end at the same numbers.
    drawDefaults(generator);
    stem.drawNormal(generator);
    stemNorm.reset();
    for (Block<Shortcut> block : blocks) {
      block.conv1.drawNormal(generator);
      block.bn1.reset();
      block.conv2.drawNormal(generator);
      block.bn2.reset();
    }
    head.drawNormalWeight(generator);
  }

  private void drawDefaults(GeneratorOptional generator) {
    stem.drawUniform(generator);
    for (Block<Shortcut> block : blocks) {
      block.conv1.drawUniform(generator);
      block.conv2.drawUniform(generator);
    }
    head.drawUniform(generator);
  }
}
