package dev.lotus.backbone;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * ResNet-18 in the form of the published LoTUS code (cspartalis/LoTUS, src/models.py): a 3x3 stem
 * of stride 1, a 3x3 max pooling of stride 2, four layers of two basic blocks, and in EVERY block a
 * 1x1 convolution without BatchNorm on the shortcut.
 */
final class ResNet18 extends ConvolutionalBackbone {
  private static final int[] CHANNELS = {64, 128, 256, 512};
  private static final int BLOCKS = 2;
  private static final long[] POOL_KERNEL = {3, 3};
  private static final long[] POOL_STRIDE = {2, 2};
  private static final long[] POOL_PADDING = {1, 1};
  private static final long[] NO_DILATION = {1, 1};

  private final Layers.Convolution stem;
  private final Layers.BatchNorm stemNorm;
  private final List<Block> blocks = new ArrayList<>();
  private final Layers.PooledLinear head;

  private static final class Block {
    final Layers.Convolution conv1;
    final Layers.BatchNorm bn1;
    final Layers.Convolution conv2;
    final Layers.BatchNorm bn2;
    final Layers.Convolution identity;

    Block(StateBuilder state, String name, int in, int out, int stride) {
      conv1 = new Layers.Convolution(state, name + ".conv1", in, out, 3, stride);
      bn1 = new Layers.BatchNorm(state, name + ".bn1", out);
      conv2 = new Layers.Convolution(state, name + ".conv2", out, out, 3, 1);
      bn2 = new Layers.BatchNorm(state, name + ".bn2", out);
      identity = new Layers.Convolution(state, name + ".identity_conv", in, out, 1, stride);
    }

    Tensor apply(Tensor x, boolean training) {
      Tensor hidden = bn1.apply(conv1.apply(x), training).relu_();
      return bn2.apply(conv2.apply(hidden), training).add_(identity.apply(x)).relu_();
    }
  }

  ResNet18(Arch arch) {
    super(arch);
    StateBuilder state = new StateBuilder();
    int in = arch.channelsOf(CHANNELS[0]);
    stem = new Layers.Convolution(state, "conv1", arch.channels(), in, 3, 1);
    stemNorm = new Layers.BatchNorm(state, "bn1", in);
    for (int layer = 0; layer < CHANNELS.length; layer++) {
      int out = arch.channelsOf(CHANNELS[layer]);
      for (int b = 0; b < BLOCKS; b++) {
        int stride = layer > 0 && b == 0 ? 2 : 1;
        blocks.add(new Block(state, "layer" + (layer + 1) + "." + b, in, out, stride));
        in = out;
      }
    }
    head = new Layers.PooledLinear(state, "fc", in, arch.classes());
    own(state);
  }

  @Override
  Tensor layers(Tensor images, boolean training) {
    Tensor x = stemNorm.apply(stem.apply(images), training).relu_();
    x = torch.max_pool2d(x, POOL_KERNEL, POOL_STRIDE, POOL_PADDING, NO_DILATION, false);
    for (Block block : blocks) {
      x = block.apply(x, training);
    }
    return head.apply(x);
  }

  @Override
  long lastSize(long size) {
    long last = size;
    for (int halving = 0; halving < 4; halving++) {
      last = (last + 1) / 2;
    }
    return last;
  }

  /** PyTorch's defaults, in the order in which the published constructor makes the layers. */
  @Override
  void draw(GeneratorOptional generator) {
    stem.drawUniform(generator);
    stemNorm.reset();
    for (Block block : blocks) {
      block.conv1.drawUniform(generator);
      block.bn1.reset();
      block.conv2.drawUniform(generator);
      block.bn2.reset();
      block.identity.drawUniform(generator);
    }
    head.drawUniform(generator);
  }
}
