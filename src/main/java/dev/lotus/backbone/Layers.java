package dev.lotus.backbone;

import dev.lotus.device.NativeScope;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

/**
 * The layers the ResNets are made of, each a thin call on libtorch's functions with its weights
 * kept ready. (Own classes rather than libtorch modules: those of the binding cannot be composed
 * from Java.) Results belong to the caller's scope.
 */
final class Layers {
  /** How a pass is computed. */
  enum Mode {
    /** BatchNorm takes the batch's statistics. */
    TRAINING,
    /** It takes the running ones. */
    EVALUATION,
    /** So it does, from weights that stay as they are: they may be kept in a prepared form. */
    FROZEN
  }

  private static final long[] NO_DILATION = {1, 1};
  private static final long[] SPATIAL = {2, 3};

  private Layers() {}

  /** Every so many pixels of every so many rows, the first among them: a view. */
  static final class Thinning {
    private final LongOptional whole;
    private final int stride;

    Thinning(StateBuilder state, int stride) {
      this.whole = state.own(new LongOptional());
      this.stride = stride;
    }

    Tensor apply(Tensor x_BCHW) {
      return x_BCHW.slice(2, whole, whole, stride).slice(3, whole, whole, stride);
    }
  }

  /** Square convolution without bias, padded so that stride 1 keeps the size. */
  static final class Convolution {
    /** Of fewer weights the products cost less than arranging them: 256 x 256 channels, 3 x 3. */
    private static final long LEAST_DENSE = 256 * 256 * 9;

    /**
     * oneDNN 3.7 gathers the pixels that a strided 1x1 convolution reads into a buffer, and with
     * fewer input channels than a vector register has numbers (16 in AVX-512) its backward pass
     * writes past the end (uxlfoundation/oneDNN#6035): crashes, or wrong weights without a word.
     */
    private static final long LEAST_STRIDED = 16;

    private static final long[] EACH = {1, 1};

    /**
     * Channels of a block of oneDNN's own order. Of a count that is no multiple, the last block is
     * padded, and on some CPUs (AMD Zen 5 among them) what stands in the padding goes into results
     * and gradients: noise or NaN. Channels-last order has no blocks, and an image's 3 channels are
     * read without.
     */
    private static final int BLOCK = 16;

    private static final int IMAGE = 3;

    private final Tensor weight;
    private final TensorOptional noBias;
    private final Thinning thinning;
    private final long[] stride;
    private final long[] padding;
    private final DenseConvolution dense;
    private final boolean padsBlocks;

    Convolution(StateBuilder state, String name, int in, int out, int kernel, int stride) {
      this.weight = state.parameter(name + ".weight", out, in, kernel, kernel);
      this.noBias = state.own(new TensorOptional());
      boolean thins = kernel == 1 && stride > 1 && in < LEAST_STRIDED;
      this.thinning = thins ? new Thinning(state, stride) : null;
      this.stride = thins ? EACH : new long[] {stride, stride};
      this.padding = new long[] {kernel / 2, kernel / 2};
      this.dense = new DenseConvolution(kernel, stride, kernel / 2, out);
      this.padsBlocks = kernel > 1 && (in > IMAGE && in % BLOCK != 0 || out % BLOCK != 0);
    }

    Tensor apply(Tensor x) {
      return isDense(x) ? dense.apply(x, weight) : direct(x, weight, noBias);
    }

    private Tensor direct(Tensor x, Tensor kernels, TensorOptional bias) {
      Tensor seen = thinning == null ? x : thinning.apply(x);
      Tensor ordered =
          padsBlocks && !x.is_cuda() ? kernels.contiguous(MemoryFormat.ChannelsLast) : kernels;
      return torch.conv2d(seen, ordered, bias, stride, padding, NO_DILATION, 1);
    }

    /**
     * Not on a GPU, where cuDNN has kernels of its own for such images; and in channels-last order
     * only, where a tap's weights lie side by side.
     */
    boolean isDense(Tensor x) {
      return weight.numel() >= LEAST_DENSE
          && dense.fits(x.size(2), x.size(3))
          && !x.is_cuda()
          && weight.is_contiguous(MemoryFormat.ChannelsLast);
    }

    /**
     * The same with a BatchNorm's running statistics taken into the weights.
     *
     * @param folded [out, in, kernel, kernel]
     * @param bias [out]
     */
    Tensor apply(Tensor x, Tensor folded, TensorOptional bias) {
      return direct(x, folded, bias);
    }

    /** Of an image whose result has that many pixels. */
    double flops(long pixels) {
      return 2.0 * weight.numel() * pixels;
    }

    /** PyTorch's default, kaiming_uniform with a = sqrt(5): uniform on +-1/sqrt(fan_in). */
    void drawUniform(GeneratorOptional generator) {
      kaimingUniform(weight, fanIn(), generator);
    }

    /** kaiming_normal as He et al.: standard deviation sqrt(2/fan_in). */
    void drawNormal(GeneratorOptional generator) {
      weight.normal_(0, Math.sqrt(2) / Math.sqrt(fanIn()), generator);
    }

    /** kaiming_normal in torchvision's way: standard deviation sqrt(2/fan_out). */
    void drawNormalByOutputs(GeneratorOptional generator) {
      long fanOut = weight.size(0) * weight.size(2) * weight.size(3);
      weight.normal_(0, Math.sqrt(2) / Math.sqrt(fanOut), generator);
    }

    private long fanIn() {
      return weight.size(1) * weight.size(2) * weight.size(3);
    }
  }

  /** Batch normalisation over B, H, W with running statistics: momentum 0.1, epsilon 1e-5. */
  static final class BatchNorm {
    private static final double MOMENTUM = 0.1;
    private static final double EPSILON = 1e-5;
    private final Tensor scale;
    private final Tensor shift;
    private final Tensor runningMean;
    private final Tensor runningVar;
    // Built once: they hold the same tensors, also after the weights have moved to another device.
    private final TensorOptional[] operands;
    private final ShardStatistics statistics;
    private final int place;
    private Tensor folded;
    private TensorOptional foldedBias;

    BatchNorm(StateBuilder state, String name, int channels) {
      this.scale = state.parameter(name + ".weight", channels);
      this.shift = state.parameter(name + ".bias", channels);
      this.runningMean = state.buffer(name + ".running_mean", channels);
      this.runningVar = state.buffer(name + ".running_var", channels);
      state.counter(name + ".num_batches_tracked");
      this.operands =
          new TensorOptional[] {
            state.own(new TensorOptional(scale)),
            state.own(new TensorOptional(shift)),
            state.own(new TensorOptional(runningMean)),
            state.own(new TensorOptional(runningVar))
          };
      this.statistics = state.statistics();
      this.place = statistics.place(channels);
      state.normalisation(this);
    }

    /** What the convolution makes of x, normalised. */
    Tensor after(Convolution convolution, Tensor x, Mode mode) {
      if (mode == Mode.FROZEN && !convolution.isDense(x)) {
        if (folded == null) {
          fold(convolution);
        }
        return convolution.apply(x, folded, foldedBias);
      }
      Tensor y = convolution.apply(x);
      if (mode == Mode.TRAINING && statistics.active()) {
        // With momentum 1 the "running" statistics are the run's own.
        return statistics.apply(
            place,
            (int) scale.numel(),
            y,
            (run, left) ->
                normalised(
                    run,
                    new TensorOptional(left.select(0, 0)),
                    new TensorOptional(left.select(0, 1)),
                    true,
                    1));
      }
      return normalised(y, operands[2], operands[3], mode == Mode.TRAINING, MOMENTUM);
    }

    private Tensor normalised(
        Tensor y, TensorOptional mean, TensorOptional variance, boolean training, double momentum) {
      return torch.batch_norm(
          y, operands[0], operands[1], mean, variance, training, momentum, EPSILON, true);
    }

    /** In evaluation y = a conv(x) + b for each channel, so a can go into the weights. */
    private void fold(Convolution convolution) {
      try (NativeScope scope = new NativeScope();
          NoGradGuard noGrad = new NoGradGuard()) {
        Tensor factor = scale.div(runningVar.add(new Scalar(EPSILON)).sqrt());
        Tensor weight = convolution.weight.mul(factor.view(-1, 1, 1, 1));
        folded = NativeScope.own(weight.detach());
        foldedBias =
            NativeScope.own(new TensorOptional(shift.sub(runningMean.mul(factor)).detach()));
      }
    }

    /** Moves the running statistics towards the mean of runs' statistics. */
    void move(Tensor sums, int runs) {
      long channels = scale.numel();
      Scalar kept = new Scalar(1 - MOMENTUM);
      Scalar share = new Scalar(MOMENTUM / runs);
      runningMean.mul_(kept).add_(sums.narrow(0, place, channels), share);
      runningVar.mul_(kept).add_(sums.narrow(0, place + channels, channels), share);
    }

    /** Forgets the folded weights. */
    void thaw() {
      if (folded != null) {
        NativeScope.release(folded);
        NativeScope.release(foldedBias);
        folded = null;
        foldedBias = null;
      }
    }

    /** Identity, with unit running statistics. */
    void reset() {
      try (PointerScope scope = new PointerScope()) {
        Scalar one = new Scalar(1.0);
        scale.fill_(one);
        shift.zero_();
        runningMean.zero_();
        runningVar.fill_(one);
      }
    }
  }

  /** Fully connected layer with bias, on the spatial mean of its input. */
  static final class PooledLinear {
    private final Tensor weight;
    private final Tensor bias;
    private final TensorOptional biasOperand;
    private final ScalarTypeOptional sameType;

    PooledLinear(StateBuilder state, String name, int in, int out) {
      this.weight = state.parameter(name + ".weight", out, in);
      this.bias = state.parameter(name + ".bias", out);
      this.biasOperand = state.own(new TensorOptional(bias));
      this.sameType = state.own(new ScalarTypeOptional());
    }

    Tensor apply(Tensor x_BCHW) {
      Tensor pooled_BC = torch.mean(x_BCHW, SPATIAL, false, sameType);
      return torch.linear(pooled_BC, weight, biasOperand);
    }

    double flops() {
      return 2.0 * weight.numel();
    }

    /** PyTorch's default: weight, then bias, uniform on +-1/sqrt(inputs). */
    void drawUniform(GeneratorOptional generator) {
      long fanIn = weight.size(1);
      kaimingUniform(weight, fanIn, generator);
      bias.uniform_(-1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn), generator);
    }

    /** The weight alone, as {@link Convolution#drawNormal}. */
    void drawNormalWeight(GeneratorOptional generator) {
      weight.normal_(0, Math.sqrt(2) / Math.sqrt(weight.size(1)), generator);
    }
  }

  private static void kaimingUniform(Tensor tensor, long fanIn, GeneratorOptional generator) {
    // Written as PyTorch computes it, so that the bound rounds to the same float.
    double gain = Math.sqrt(2.0 / (1 + Math.sqrt(5) * Math.sqrt(5)));
    double bound = Math.sqrt(3.0) * (gain / Math.sqrt(fanIn));
    tensor.uniform_(-bound, bound, generator);
  }
}
