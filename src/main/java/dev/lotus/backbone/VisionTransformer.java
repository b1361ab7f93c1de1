package dev.lotus.backbone;

import dev.lotus.device.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * ViT-B/16, S/16 and Ti/16 (Dosovitskiy et al. 2021; Touvron et al. 2021): patches of 16 x 16, a
 * class token, learned position embeddings, pre-norm blocks with exact GELU, logits from the class
 * token. Names as in timm; {@link KeyLayout} knows the others.
 */
final class VisionTransformer extends LayeredBackbone {
  /** Blocks of each published size. */
  static final int DEPTH = 12;

  /** Side of a patch in pixels. */
  static final int PATCH = 16;

  /** Channels of a head as published; times the width factor, to a multiple of 4. */
  private static final int HEAD_CHANNELS = 64;

  /** Heads by name: 64 channels each give 768, 384, 192. */
  static final Map<String, Integer> HEADS = Map.of("vit_b_16", 12, "vit_s_16", 6, "vit_ti_16", 3);

  private static final long[] STRIDE = {PATCH, PATCH};
  private static final long[] NO_PADDING = {0, 0};
  private static final long[] NO_DILATION = {1, 1};

  private final Tensor classToken;
  private final Tensor positions;
  private final Tensor patchWeight;
  private final Tensor patchBias;
  private final TensorOptional patchBiasOperand;
  private final List<TransformerLayers.Block> blocks = new ArrayList<>();
  private final TransformerLayers.LayerNorm norm;
  private final TransformerLayers.Linear head;

  /**
   * @throws InputException if the image size is no multiple of the patch
   */
  VisionTransformer(Arch arch) {
    super(arch);
    if (arch.imageSize() % PATCH != 0) {
      throw new InputException(
          arch.name()
              + " takes images whose size is a multiple of its patch, "
              + PATCH
              + " pixels, not "
              + arch.imageSize());
    }
    int heads = HEADS.get(arch.name());
    int channels = channelsOf(arch);
    int side = arch.imageSize() / PATCH;
    StateBuilder state = new StateBuilder();
    classToken = state.parameter("cls_token", 1, 1, channels);
    positions = state.parameter("pos_embed", 1, 1 + side * side, channels);
    patchWeight =
        state.parameter("patch_embed.proj.weight", channels, arch.channels(), PATCH, PATCH);
    patchBias = state.parameter("patch_embed.proj.bias", channels);
    patchBiasOperand = state.own(new TensorOptional(patchBias));
    for (int i = 0; i < arch.depth(); i++) {
      blocks.add(
          new TransformerLayers.Block(
              state, "blocks." + i, channels, heads, 4 * channels, arch.layerNormEps()));
    }
    norm = new TransformerLayers.LayerNorm(state, "norm", channels, arch.layerNormEps());
    head = new TransformerLayers.Linear(state, "head", channels, arch.classes());
    own(state);
  }

  /** D. */
  static int channelsOf(Arch arch) {
    int quarters = Math.max(1, (int) Math.round(HEAD_CHANNELS / 4 * arch.width()));
    return HEADS.get(arch.name()) * 4 * quarters;
  }

  @Override
  Tensor layers(Tensor images, Layers.Mode mode) {
    Tensor patches_BND =
        torch
            .conv2d(images, patchWeight, patchBiasOperand, STRIDE, NO_PADDING, NO_DILATION, 1)
            .flatten(2, 3)
            .transpose(1, 2);
    Tensor first = classToken.expand(images.size(0), -1, -1);
    Tensor x = torch.cat(new TensorVector(first, patches_BND), 1).add(positions);
    for (TransformerLayers.Block block : blocks) {
      x = block.apply(x);
    }
    // The last normalisation goes token by token, and only the class token's is used.
    return head.apply(norm.apply(x.select(1, 0)));
  }

  @Override
  public double flops(long height, long width) {
    double patches = positions.size(1) - 1;
    double tokens = patches + 1;
    double channels = positions.size(2);
    // Of a token: queries, keys and values 3 D^2, projection D^2, the two layers 8 D^2; scores and
    // mixture 2 N D.
    double block = tokens * channels * (12 * channels + 2 * tokens);
    return 2 * (patches * patchWeight.numel() + blocks.size() * block)
        + 2 * channels * arch().classes();
  }

  @Override
  void requireSize(Tensor images, boolean training) {
    if (images.size(2) != arch().imageSize() || images.size(3) != arch().imageSize()) {
      throw new InputException(
          arch().name()
              + " was built for images of "
              + arch().imageSize()
              + "x"
              + arch().imageSize()
              + ", and got "
              + images.size(2)
              + "x"
              + images.size(3));
    }
  }

  @Override
  void draw(GeneratorOptional generator) {
    TransformerLayers.drawNormal(classToken, generator);
    TransformerLayers.drawNormal(positions, generator);
    TransformerLayers.drawNormal(patchWeight, generator);
    patchBias.zero_();
    for (TransformerLayers.Block block : blocks) {
      block.draw(generator);
    }
    norm.reset();
    head.draw(generator);
  }
}
