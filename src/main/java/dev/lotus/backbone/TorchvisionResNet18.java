package dev.lotus.backbone;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * ResNet-18 in torchvision's form (and timm's: the same names): a 7x7 stem of stride 2, a 3x3 max
 * pooling of stride 2, four layers of two basic blocks, and on the shortcut a 1x1 convolution with
 * BatchNorm where the shape changes. The CIFAR form has a 3x3 stem of stride 1 and no pooling.
 */
final class TorchvisionResNet18 extends ConvolutionalBackbone {
  private static final int[] CHANNELS = {64, 128, 256, 512};
  private static final int BLOCKS = 2;
  private static final long[] POOL_KERNEL = {3, 3};
  private static final long[] POOL_STRIDE = {2, 2};
  private static final long[] POOL_PADDING = {1, 1};
  private static final long[] NO_DILATION = {1, 1};

  private final boolean cifarStem;
  private final Layers.Convolution stem;
  private final Layers.BatchNorm stemNorm;
  private final List<Block> blocks = new ArrayList<>();
  private final Layers.PooledLinear head;

  private static final class Block {
    final Layers.Convolution conv1;
    final Layers.BatchNorm bn1;
    final Layers.Convolution conv2;
    final Layers.BatchNorm bn2;
    final Layers.Convolution downsample;
    final Layers.BatchNorm downsampleNorm;

    Block(StateBuilder state, String name, int in, int out, int stride, boolean downsamples) {
      conv1 = new Layers.Convolution(state, name + ".conv1", in, out, 3, stride);
      bn1 = new Layers.BatchNorm(state, name + ".bn1", out);
      conv2 = new Layers.Convolution(state, name + ".conv2", out, out, 3, 1);
      bn2 = new Layers.BatchNorm(state, name + ".bn2", out);
      downsample =
          downsamples
              ? new Layers.Convolution(state, name + ".downsample.0", in, out, 1, stride)
              : null;
      downsampleNorm =
          downsamples ? new Layers.BatchNorm(state, name + ".downsample.1", out) : null;
    }

    Tensor apply(Tensor x, boolean training) {
      Tensor hidden = bn1.apply(conv1.apply(x), training).relu_();
      Tensor identity =
          downsample == null ? x : downsampleNorm.apply(downsample.apply(x), training);
      return bn2.apply(conv2.apply(hidden), training).add_(identity).relu_();
    }
  }

  TorchvisionResNet18(Arch arch, boolean cifarStem) {
    super(arch);
    this.cifarStem = cifarStem;
    StateBuilder state = new StateBuilder();
    int in = arch.channelsOf(CHANNELS[0]);
    stem =
        new Layers.Convolution(
            state, "conv1", arch.channels(), in, cifarStem ? 3 : 7, cifarStem ? 1 : 2);
    stemNorm = new Layers.BatchNorm(state, "bn1", in);
    for (int layer = 0; layer < CHANNELS.length; layer++) {
      int out = arch.channelsOf(CHANNELS[layer]);
      for (int b = 0; b < BLOCKS; b++) {
        boolean first = layer > 0 && b == 0;
        String name = "layer" + (layer + 1) + "." + b;
        blocks.add(new Block(state, name, in, out, first ? 2 : 1, first));
        in = out;
      }
    }
    head = new Layers.PooledLinear(state, "fc", in, arch.classes());
    own(state);
  }

  @Override
  Tensor layers(Tensor images, boolean training) {
    Tensor x = stemNorm.apply(stem.apply(images), training).relu_();
    if (!cifarStem) {
      x = torch.max_pool2d(x, POOL_KERNEL, POOL_STRIDE, POOL_PADDING, NO_DILATION, false);
    }
    for (Block block : blocks) {
      x = block.apply(x, training);
    }
    return head.apply(x);
  }

  @Override
  long lastSize(long size) {
    long last = size;
    for (int halving = cifarStem ? 2 : 0; halving < 5; halving++) {
      last = (last + 1) / 2;
    }
    return last;
  }

  /**
   * torchvision's constructor lets PyTorch draw its defaults, a layer's downsampling before its
   * blocks, and then draws the convolutions again in the order of their names.
   */
  @Override
  void draw(GeneratorOptional generator) {
    stem.drawUniform(generator);
    for (Block block : blocks) {
      if (block.downsample != null) {
        block.downsample.drawUniform(generator);
      }
      block.conv1.drawUniform(generator);
      block.conv2.drawUniform(generator);
    }
    head.drawUniform(generator);
    stem.drawNormalByOutputs(generator);
    stemNorm.reset();
    for (Block block : blocks) {
      block.conv1.drawNormalByOutputs(generator);
      block.bn1.reset();
      block.conv2.drawNormalByOutputs(generator);
      block.bn2.reset();
      if (block.downsample != null) {
        block.downsample.drawNormalByOutputs(generator);
        block.downsampleNorm.reset();
      }
    }
  }
}
