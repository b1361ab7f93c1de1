package dev.lotus.backbone;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.Kernels;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The layers a vision transformer is made of, with timm's names. Shapes: B images, N tokens, D
 * channels, H heads. Results belong to the caller's scope.
 */
final class TransformerLayers {
  /** Standard deviation of all drawn weights, as timm's and Hugging Face's. */
  private static final double DEVIATION = 0.02;

  private TransformerLayers() {}

  /**
   * libtorch multiplies fp32 matrices by OpenBLAS, whose vectors are those of AVX2 on many
   * processors that have AVX-512; oneDNN, which makes its convolutions, uses them in full.
   */
  private static final class WideVectors {
    private static final boolean THERE = Kernels.cpuLevel().equals("x86-64-v4");

    static boolean inFp32(Tensor x) {
      return THERE
          && !x.is_cuda()
          && x.scalar_type().intern() == ScalarType.Float
          && !torch.is_autocast_enabled(DeviceType.CPU);
    }
  }

  /** Fully connected layer with bias on the last axis. */
  static final class Linear {
    /** With fewer rows a product takes less time than bringing its weights into oneDNN's order. */
    private static final long LEAST_ROWS = 512;

    private static final long[] ONE = {1, 1};
    private static final long[] NONE = {0, 0};

    private final Tensor weight;
    private final Tensor bias;
    private final TensorOptional biasOperand;
    private final StateBuilder.Order order;

    Linear(StateBuilder state, String name, int in, int out) {
      this.weight = state.parameter(name + ".weight", out, in);
      this.bias = state.parameter(name + ".bias", out);
      this.biasOperand = state.own(new TensorOptional(bias));
      this.order = state.order();
    }

    Tensor apply(Tensor x) {
      long in = weight.size(1);
      long rows = x.numel() / in;
      return order.channelsLast() && rows >= LEAST_ROWS && WideVectors.inFp32(x)
          ? convolved(x, rows, in)
          : torch.linear(x, weight, biasOperand);
    }

    /** The same as a 1x1 convolution of an image of so many pixels in channels-last order. */
    private Tensor convolved(Tensor x, long rows, long in) {
      long out = weight.size(0);
      Tensor image_1DR1 = x.reshape(1, rows, 1, in).permute(0, 3, 1, 2);
      Tensor kernels_OD11 = weight.view(out, 1, 1, in).permute(0, 3, 1, 2);
      Tensor y_1OR1 = torch.conv2d(image_1DR1, kernels_OD11, biasOperand, ONE, NONE, ONE, 1);
      long[] shape = Checkpoint.shapeOf(x);
      shape[shape.length - 1] = out;
      return y_1OR1.permute(0, 2, 3, 1).reshape(shape);
    }

    void draw(GeneratorOptional generator) {
      drawNormal(weight, generator);
      bias.zero_();
    }
  }

  /** Normalisation over the last axis. */
  static final class LayerNorm {
    private final Tensor scale;
    private final Tensor shift;
    private final TensorOptional scaleOperand;
    private final TensorOptional shiftOperand;
    private final long[] axis;
    private final double epsilon;

    LayerNorm(StateBuilder state, String name, int channels, double epsilon) {
      this.scale = state.parameter(name + ".weight", channels);
      this.shift = state.parameter(name + ".bias", channels);
      this.scaleOperand = state.own(new TensorOptional(scale));
      this.shiftOperand = state.own(new TensorOptional(shift));
      this.axis = new long[] {channels};
      this.epsilon = epsilon;
    }

    Tensor apply(Tensor x) {
      return torch.layer_norm(x, axis, scaleOperand, shiftOperand, epsilon, true);
    }

    void reset() {
      try (PointerScope scope = new PointerScope()) {
        scale.fill_(new Scalar(1.0));
        shift.zero_();
      }
    }
  }

  /** x + attention(norm1(x)), then x + mlp(norm2(x)): normalisation first ("pre-norm"). */
  static final class Block {
    private final LayerNorm norm1;
    private final Linear qkv;
    private final Linear proj;
    private final LayerNorm norm2;
    private final Linear fc1;
    private final Linear fc2;
    private final int heads;
    private final TensorOptional noMask;
    private final DoubleOptional defaultScale;
    private final Scalar scale;

    Block(StateBuilder state, String name, int channels, int heads, int hidden, double epsilon) {
      this.norm1 = new LayerNorm(state, name + ".norm1", channels, epsilon);
      this.qkv = new Linear(state, name + ".attn.qkv", channels, 3 * channels);
      this.proj = new Linear(state, name + ".attn.proj", channels, channels);
      this.norm2 = new LayerNorm(state, name + ".norm2", channels, epsilon);
      this.fc1 = new Linear(state, name + ".mlp.fc1", channels, hidden);
      this.fc2 = new Linear(state, name + ".mlp.fc2", hidden, channels);
      this.heads = heads;
      this.noMask = state.own(new TensorOptional());
      this.defaultScale = state.own(new DoubleOptional());
      this.scale = state.own(new Scalar(1 / Math.sqrt((double) channels / heads)));
    }

    /** What a pass leaves on its way is freed at once, but for what the backward pass needs. */
    Tensor apply(Tensor x_BND) {
      try (NativeScope scope = new NativeScope()) {
        Tensor x = x_BND.add(attention(norm1.apply(x_BND)));
        return scope.keep(x.add(fc2.apply(torch.gelu(fc1.apply(norm2.apply(x))))));
      }
    }

    private Tensor attention(Tensor x_BND) {
      long b = x_BND.size(0);
      long n = x_BND.size(1);
      long d = x_BND.size(2);
      TensorVector parts =
          qkv.apply(x_BND).view(b, n, 3, heads, d / heads).permute(2, 0, 3, 1, 4).unbind(0);
      Tensor mixed_BHNd = mixed(parts.get(0), parts.get(1), parts.get(2));
      return proj.apply(mixed_BHNd.transpose(1, 2).reshape(b, n, d));
    }

    /**
     * softmax(q k^T / sqrt(d)) v. libtorch's fused operation makes it of many small products, for
     * which its threads wait on one another inside OpenBLAS, in bf16 by a slow loop: on the CPU two
     * batched products take a tenth of the time or less, for B H N N numbers of memory.
     */
    private Tensor mixed(Tensor q_BHNd, Tensor k_BHNd, Tensor v_BHNd) {
      if (q_BHNd.is_cuda()) {
        return torch.scaled_dot_product_attention(
            q_BHNd, k_BHNd, v_BHNd, noMask, 0, false, defaultScale, false);
      }
      try (NativeScope scope = new NativeScope()) {
        Tensor scores_BHNN = torch.matmul(q_BHNd.mul(scale), k_BHNd.transpose(2, 3));
        return scope.keep(torch.matmul(torch.softmax(scores_BHNN, -1), v_BHNd));
      }
    }

    void draw(GeneratorOptional generator) {
      norm1.reset();
      qkv.draw(generator);
      proj.draw(generator);
      norm2.reset();
      fc1.draw(generator);
      fc2.draw(generator);
    }
  }

  /** PyTorch's trunc_normal_ with its default bounds of +-2, which lie 100 deviations out. */
  static void drawNormal(Tensor tensor, GeneratorOptional generator) {
    try (PointerScope scope = new PointerScope()) {
      tensor
          .uniform_(-1, 1, generator)
          .erfinv_()
          .mul_(new Scalar(DEVIATION * Math.sqrt(2)))
          .clamp_(new ScalarOptional(new Scalar(-2.0)), new ScalarOptional(new Scalar(2.0)));
    }
  }
}
