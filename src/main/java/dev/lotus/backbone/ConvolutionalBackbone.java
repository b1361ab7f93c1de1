package dev.lotus.backbone;

import dev.lotus.device.InputException;
import dev.lotus.device.NativeScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * What the ResNets share: a stem, stages of basic blocks whose first one halves the image (but in
 * the first stage), a head on the spatial mean. They differ in their {@link Plan} and in what goes
 * past a block. Images may be of any size, as long as BatchNorm has more than one value.
 *
 * @param <S> what goes past a block
 */
abstract class ConvolutionalBackbone<S extends ConvolutionalBackbone.Shortcut>
    extends LayeredBackbone {
  private static final long[] POOL_KERNEL = {3, 3};
  private static final long[] POOL_STRIDE = {2, 2};
  private static final long[] POOL_PADDING = {1, 1};
  private static final long[] NO_DILATION = {1, 1};

  /** A block's input, brought to the shape of its output. */
  interface Shortcut {
    Tensor apply(Tensor x, Layers.Mode mode);

    /** Of an image whose result has that many pixels. */
    default double flops(long pixels) {
      return 0;
    }
  }

  /** Makes a block's shortcut; its tensors come behind the block's others. */
  interface Shortcuts<S> {
    /**
     * @param block name of the block
     */
    S make(StateBuilder state, String block, int in, int out, int stride);
  }

  /**
   * The numbers of a network.
   *
   * @param channels of each stage as published, before the width factor
   * @param blocks a stage
   * @param stemKernel side of the first convolution
   * @param stemStride of the first convolution
   * @param pools whether a 3x3 max pooling of stride 2 follows the stem
   * @param head name of the last layer
   */
  record Plan(
      int[] channels, int blocks, int stemKernel, int stemStride, boolean pools, String head) {
    /** How often the image is halved, rounded up. */
    int halvings() {
      return channels.length - 1 + (stemStride == 2 ? 1 : 0) + (pools ? 1 : 0);
    }
  }

  /** Two 3x3 convolutions, each with BatchNorm, and a shortcut. */
  static final class Block<S extends Shortcut> {
    final Layers.Convolution conv1;
    final Layers.BatchNorm bn1;
    final Layers.Convolution conv2;
    final Layers.BatchNorm bn2;
    final S shortcut;

    Block(StateBuilder state, String name, int in, int out, int stride, Shortcuts<S> shortcuts) {
      conv1 = new Layers.Convolution(state, name + ".conv1", in, out, 3, stride);
      bn1 = new Layers.BatchNorm(state, name + ".bn1", out);
      conv2 = new Layers.Convolution(state, name + ".conv2", out, out, 3, 1);
      bn2 = new Layers.BatchNorm(state, name + ".bn2", out);
      shortcut = shortcuts.make(state, name, in, out, stride);
    }

    /** What a pass leaves on its way is freed at once, but for what the backward pass needs. */
    Tensor apply(Tensor x, Layers.Mode mode) {
      try (NativeScope scope = new NativeScope()) {
        Tensor hidden = bn1.after(conv1, x, mode).relu_();
        return scope.keep(bn2.after(conv2, hidden, mode).add_(shortcut.apply(x, mode)).relu_());
      }
    }
  }

  private final Plan plan;
  final Layers.Convolution stem;
  final Layers.BatchNorm stemNorm;
  final List<Block<S>> blocks = new ArrayList<>();
  final Layers.PooledLinear head;

  ConvolutionalBackbone(Arch arch, Plan plan, Shortcuts<S> shortcuts) {
    super(arch);
    this.plan = plan;
    StateBuilder state = new StateBuilder();
    int in = arch.channelsOf(plan.channels[0]);
    stem =
        new Layers.Convolution(
            state, "conv1", arch.channels(), in, plan.stemKernel, plan.stemStride);
    stemNorm = new Layers.BatchNorm(state, "bn1", in);
    for (int stage = 0; stage < plan.channels.length; stage++) {
      int out = arch.channelsOf(plan.channels[stage]);
      for (int b = 0; b < plan.blocks; b++) {
        int stride = stage > 0 && b == 0 ? 2 : 1;
        String name = "layer" + (stage + 1) + "." + b;
        blocks.add(new Block<>(state, name, in, out, stride, shortcuts));
        in = out;
      }
    }
    head = new Layers.PooledLinear(state, plan.head, in, arch.classes());
    own(state);
  }

  @Override
  final Tensor layers(Tensor images, Layers.Mode mode) {
    Tensor x = stemNorm.after(stem, images, mode).relu_();
    if (plan.pools) {
      x = torch.max_pool2d(x, POOL_KERNEL, POOL_STRIDE, POOL_PADDING, NO_DILATION, false);
    }
    for (Block<S> block : blocks) {
      x = block.apply(x, mode);
    }
    return head.apply(x);
  }

  @Override
  public final double flops(long height, long width) {
    long down = reduced(height, plan.stemStride);
    long across = reduced(width, plan.stemStride);
    double sum = stem.flops(down * across) + head.flops();
    if (plan.pools) {
      down = reduced(down, 2);
      across = reduced(across, 2);
    }
    for (int b = 0; b < blocks.size(); b++) {
      boolean halves = b > 0 && b % plan.blocks == 0;
      down = reduced(down, halves ? 2 : 1);
      across = reduced(across, halves ? 2 : 1);
      Block<S> block = blocks.get(b);
      long pixels = down * across;
      sum += block.conv1.flops(pixels) + block.conv2.flops(pixels) + block.shortcut.flops(pixels);
    }
    return sum;
  }

  private static long reduced(long size, int stride) {
    return (size + stride - 1) / stride;
  }

  @Override
  final void requireSize(Tensor images, boolean training) {
    if (training && images.size(0) * lastSize(images.size(2)) * lastSize(images.size(3)) == 1) {
      throw new InputException(
          "a training batch of one "
              + images.size(2)
              + "x"
              + images.size(3)
              + " image leaves BatchNorm one value a channel; take a batch size that leaves no such"
              + " rest");
    }
  }

  /** Height (or width) at the last BatchNorm for images of {@code size}. */
  private long lastSize(long size) {
    long last = size;
    for (int halving = 0; halving < plan.halvings(); halving++) {
      last = reduced(last, 2);
    }
    return last;
  }
}
