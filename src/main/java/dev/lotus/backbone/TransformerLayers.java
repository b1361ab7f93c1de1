package dev.lotus.backbone;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The layers a vision transformer is made of, with timm's names. Shapes: B images, N tokens, D
 * channels, H heads. Results belong to the caller's scope.
 */
final class TransformerLayers {
  /** Standard deviation of all drawn weights, as timm's and Hugging Face's. */
  private static final double DEVIATION = 0.02;

  private TransformerLayers() {}

  /** Fully connected layer with bias on the last axis. */
  static final class Linear {
    private final Tensor weight;
    private final Tensor bias;
    private final TensorOptional biasOperand;

    Linear(StateBuilder state, String name, int in, int out) {
      this.weight = state.parameter(name + ".weight", out, in);
      this.bias = state.parameter(name + ".bias", out);
      this.biasOperand = state.own(new TensorOptional(bias));
    }

    Tensor apply(Tensor x) {
      return torch.linear(x, weight, biasOperand);
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
    }

    Tensor apply(Tensor x_BND) {
      Tensor x = x_BND.add(attention(norm1.apply(x_BND)));
      return x.add(fc2.apply(torch.gelu(fc1.apply(norm2.apply(x)))));
    }

    private Tensor attention(Tensor x_BND) {
      long b = x_BND.size(0);
      long n = x_BND.size(1);
      long d = x_BND.size(2);
      TensorVector parts =
          qkv.apply(x_BND).view(b, n, 3, heads, d / heads).permute(2, 0, 3, 1, 4).unbind(0);
      Tensor mixed_BHNd =
          torch.scaled_dot_product_attention(
              parts.get(0), parts.get(1), parts.get(2), noMask, 0, false, defaultScale, false);
      return proj.apply(mixed_BHNd.transpose(1, 2).reshape(b, n, d));
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
