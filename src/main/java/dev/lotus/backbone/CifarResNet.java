package dev.lotus.backbone;

import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The CIFAR ResNets of He et al. 2015, section 4.2, depth 6n + 2: three stages of n basic blocks
 * with 16, 32, 64 channels and parameter-free shortcuts (option A: every second pixel, new channels
 * zero). Names and initialisation as in akamaster/pytorch_resnet_cifar10.
 */
final class CifarResNet extends ConvolutionalBackbone {
  private static final int[] CHANNELS = {16, 32, 64};

  private final Layers.Convolution stem;
  private final Layers.BatchNorm stemNorm;
  private final List<Block> blocks = new ArrayList<>();
  private final Layers.PooledLinear head;

  private static final class Block {
    final Layers.Convolution conv1;
    final Layers.BatchNorm bn1;
    final Layers.Convolution conv2;
    final Layers.BatchNorm bn2;
    final Shortcut shortcut;

    Block(StateBuilder state, String name, int in, int out, int stride) {
      conv1 = new Layers.Convolution(state, name + ".conv1", in, out, 3, stride);
      bn1 = new Layers.BatchNorm(state, name + ".bn1", out);
      conv2 = new Layers.Convolution(state, name + ".conv2", out, out, 3, 1);
      bn2 = new Layers.BatchNorm(state, name + ".bn2", out);
      shortcut = stride == 1 && in == out ? null : new Shortcut(state, in, out, stride);
    }

    Tensor apply(Tensor x, boolean training) {
      Tensor hidden = bn1.apply(conv1.apply(x), training).relu_();
      Tensor identity = shortcut == null ? x : shortcut.apply(x);
      return bn2.apply(conv2.apply(hidden), training).add_(identity).relu_();
    }
  }

  /**
   * Option A: x[:, :, ::stride, ::stride] with half of the new, zero channels before and half
   * after.
   */
  private static final class Shortcut {
    private final LongOptional wholeRange;
    private final long stride;
    private final long[] padding;

    Shortcut(StateBuilder state, int in, int out, int stride) {
      this.wholeRange = state.own(new LongOptional());
      this.stride = stride;
      // Channel counts are multiples of 8, so the halves are equal.
      this.padding = new long[] {0, 0, 0, 0, (out - in) / 2, (out - in) / 2};
    }

    Tensor apply(Tensor x) {
      Tensor every =
          x.slice(2, wholeRange, wholeRange, stride).slice(3, wholeRange, wholeRange, stride);
      return torch.constant_pad_nd(every, padding);
    }
  }

  /**
   * @param blocksAStage n: 3, 5, 7, 9 for depth 20, 32, 44, 56
   */
  CifarResNet(Arch arch, int blocksAStage) {
    super(arch);
    StateBuilder state = new StateBuilder();
    int in = arch.channelsOf(CHANNELS[0]);
    stem = new Layers.Convolution(state, "conv1", arch.channels(), in, 3, 1);
    stemNorm = new Layers.BatchNorm(state, "bn1", in);
    for (int stage = 0; stage < CHANNELS.length; stage++) {
      int out = arch.channelsOf(CHANNELS[stage]);
      for (int b = 0; b < blocksAStage; b++) {
        int stride = stage > 0 && b == 0 ? 2 : 1;
        blocks.add(new Block(state, "layer" + (stage + 1) + "." + b, in, out, stride));
        in = out;
      }
    }
    head = new Layers.PooledLinear(state, "linear", in, arch.classes());
    own(state);
  }

  @Override
  Tensor layers(Tensor images, boolean training) {
    Tensor x = stemNorm.apply(stem.apply(images), training).relu_();
    for (Block block : blocks) {
      x = block.apply(x, training);
    }
    return head.apply(x);
  }

  @Override
  long lastSize(long size) {
    return ((size + 1) / 2 + 1) / 2;
  }

  @Override
  void draw(GeneratorOptional generator) {
    // The published constructor lets PyTorch draw its defaults first and then draws the weights
    // again: both passes, to end at the same numbers.
    drawDefaults(generator);
    stem.drawNormal(generator);
    stemNorm.reset();
    for (Block block : blocks) {
      block.conv1.drawNormal(generator);
      block.bn1.reset();
      block.conv2.drawNormal(generator);
      block.bn2.reset();
    }
    head.drawNormalWeight(generator);
  }

  private void drawDefaults(GeneratorOptional generator) {
    stem.drawUniform(generator);
    for (Block block : blocks) {
      block.conv1.drawUniform(generator);
      block.conv2.drawUniform(generator);
    }
    head.drawUniform(generator);
  }
}
