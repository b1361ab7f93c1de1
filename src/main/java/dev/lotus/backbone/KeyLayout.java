package dev.lotus.backbone;

import dev.lotus.device.InputException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The names that other libraries give a vision transformer's tensors. Ours are timm's; a ResNet has
 * one set of names, torchvision's, which is timm's too.
 */
public enum KeyLayout {
  /** This program's own: timm's. */
  LOTUS(1e-6, List.of()),
  TIMM(1e-6, List.of()),
  TORCHVISION(
      1e-6,
      List.of(
          "class_token = cls_token",
          "encoder.pos_embedding = pos_embed",
          "conv_proj. = patch_embed.proj.",
          "encoder.layers.encoder_layer_#.ln_1. = blocks.#.norm1.",
          "encoder.layers.encoder_layer_#.ln_2. = blocks.#.norm2.",
          "encoder.layers.encoder_layer_#.self_attention.in_proj_ = blocks.#.attn.qkv.",
          "encoder.layers.encoder_layer_#.self_attention.out_proj. = blocks.#.attn.proj.",
          "encoder.layers.encoder_layer_#.mlp.0. = blocks.#.mlp.fc1.",
          "encoder.layers.encoder_layer_#.mlp.3. = blocks.#.mlp.fc2.",
          "encoder.layers.encoder_layer_#.mlp.linear_1. = blocks.#.mlp.fc1.",
          "encoder.layers.encoder_layer_#.mlp.linear_2. = blocks.#.mlp.fc2.",
          "encoder.ln. = norm.",
          "heads.head. = head.")),
  HUGGINGFACE(1e-12, huggingFace("vit.", "classifier.")),
  /** The CIFAR model of the published LoTUS code: Hugging Face's under another prefix and head. */
  PUBLISHED(1e-12, huggingFace("base.", "final."));

  /** A name's beginning here and there; # stands for a block's number. */
  private record Rename(String theirs, String ours) {
    String toOurs(String name) {
      return replace(name, theirs, ours);
    }

    String toTheirs(String name) {
      return replace(name, ours, theirs);
    }

    private static String replace(String name, String from, String to) {
      Matcher matcher =
          Pattern.compile("\\Q" + from.replace("#", "\\E(\\d+)\\Q") + "\\E(.*)").matcher(name);
      if (!matcher.matches()) {
        return null;
      }
      String number = matcher.groupCount() == 2 ? matcher.group(1) : "";
      return to.replace("#", number) + matcher.group(matcher.groupCount());
    }
  }

  private final double layerNormEps;
  private final List<Rename> renames;

  KeyLayout(double layerNormEps, List<String> renames) {
    this.layerNormEps = layerNormEps;
    this.renames =
        renames.stream().map(r -> r.split(" = ")).map(r -> new Rename(r[0], r[1])).toList();
  }

  private static List<String> huggingFace(String prefix, String head) {
    return List.of(
        prefix + "embeddings.cls_token = cls_token",
        prefix + "embeddings.position_embeddings = pos_embed",
        prefix + "embeddings.patch_embeddings.projection. = patch_embed.proj.",
        prefix + "encoder.layer.#.layernorm_before. = blocks.#.norm1.",
        prefix + "encoder.layer.#.layernorm_after. = blocks.#.norm2.",
        prefix + "encoder.layer.#.attention.attention.query. = blocks.#.attn.q.",
        prefix + "encoder.layer.#.attention.attention.key. = blocks.#.attn.k.",
        prefix + "encoder.layer.#.attention.attention.value. = blocks.#.attn.v.",
        prefix + "encoder.layer.#.attention.output.dense. = blocks.#.attn.proj.",
        prefix + "encoder.layer.#.intermediate.dense. = blocks.#.mlp.fc1.",
        prefix + "encoder.layer.#.output.dense. = blocks.#.mlp.fc2.",
        // As the library holds them in memory since its version 5.
        prefix + "layers.#.layernorm_before. = blocks.#.norm1.",
        prefix + "layers.#.layernorm_after. = blocks.#.norm2.",
        prefix + "layers.#.attention.q_proj. = blocks.#.attn.q.",
        prefix + "layers.#.attention.k_proj. = blocks.#.attn.k.",
        prefix + "layers.#.attention.v_proj. = blocks.#.attn.v.",
        prefix + "layers.#.attention.o_proj. = blocks.#.attn.proj.",
        prefix + "layers.#.mlp.fc1. = blocks.#.mlp.fc1.",
        prefix + "layers.#.mlp.fc2. = blocks.#.mlp.fc2.",
        prefix + "layernorm. = norm.",
        head + " = head.");
  }

  /**
   * @throws InputException if {@code text} is no layout's name
   */
  public static KeyLayout parse(String text) {
    return Arrays.stream(values())
        .filter(layout -> layout.toString().equals(text))
        .findFirst()
        .orElseThrow(
            () ->
                new InputException(
                    "--save-layout "
                        + text
                        + ": give "
                        + Arrays.stream(values())
                            .map(KeyLayout::toString)
                            .collect(Collectors.joining(" or "))));
  }

  /** The layout of a file with these names; {@link #LOTUS} where nothing speaks for another. */
  static KeyLayout of(Set<String> names) {
    if (names.contains("conv_proj.weight") && names.contains("class_token")) {
      return TORCHVISION;
    }
    if (names.contains("base.embeddings.cls_token")) {
      return PUBLISHED;
    }
    return names.contains("vit.embeddings.cls_token") || names.contains("embeddings.cls_token")
        ? HUGGINGFACE
        : LOTUS;
  }

  /** What this layout's library adds to the variance in layer normalisation. */
  double layerNormEps() {
    return layerNormEps;
  }

  /** True where the library interpolates position embeddings with an antialiasing filter. */
  boolean antialiases() {
    return this == LOTUS || this == TIMM;
  }

  /** True where the library lays the outermost position embeddings upon each other. */
  boolean alignsCorners() {
    return this == TORCHVISION;
  }

  /**
   * The tensors under our names: query, key and value joined, an unused pooler left out, names that
   * this layout does not have kept as they are. New tensors belong to the innermost scope.
   *
   * @throws InputException if two names mean the same tensor
   */
  Map<String, Tensor> toOurs(Map<String, Tensor> theirs) {
    Map<String, Tensor> ours = new LinkedHashMap<>();
    theirs.forEach(
        (name, tensor) -> {
          // A bare encoder's file has no prefix.
          String full =
              this == HUGGINGFACE && !name.startsWith("vit.") && !name.startsWith("classifier.")
                  ? "vit." + name
                  : name;
          if (full.matches("(vit|base)\\.pooler\\.dense\\.(weight|bias)")) {
            return;
          }
          String renamed =
              renames.stream()
                  .map(r -> r.toOurs(full))
                  .filter(n -> n != null)
                  .findFirst()
                  .orElse(name);
          put(ours, renamed, tensor);
        });
    return joined(ours);
  }

  private static void put(Map<String, Tensor> ours, String name, Tensor tensor) {
    if (ours.put(name, tensor) != null) {
      throw new InputException(
          "has two tensors for " + name + ", under the names of two versions; remove one");
    }
  }

  private static Map<String, Tensor> joined(Map<String, Tensor> separate) {
    Map<String, Tensor> joined = new LinkedHashMap<>();
    separate.forEach(
        (name, query) -> {
          Matcher matcher =
              Pattern.compile("(blocks\\.\\d+\\.attn\\.)([qkv])(\\..*)").matcher(name);
          if (!matcher.matches()) {
            put(joined, name, query);
            return;
          }
          Tensor key = separate.get(matcher.group(1) + "k" + matcher.group(3));
          Tensor value = separate.get(matcher.group(1) + "v" + matcher.group(3));
          Tensor first = separate.get(matcher.group(1) + "q" + matcher.group(3));
          if (!alike(first, key) || !alike(first, value)) {
            put(joined, name, query);
          } else if (matcher.group(2).equals("q")) {
            put(
                joined,
                matcher.group(1) + "qkv" + matcher.group(3),
                torch.cat(new TensorVector(query, key, value), 0));
          }
        });
    return joined;
  }

  private static boolean alike(Tensor a, Tensor b) {
    return a != null
        && b != null
        && a.dim() > 0
        && Arrays.equals(Checkpoint.shapeOf(a), Checkpoint.shapeOf(b))
        && a.scalar_type().intern() == b.scalar_type().intern();
  }

  /**
   * @throws InputException if the library has no such network
   */
  public void requireNetwork(Arch arch) {
    boolean resnetToo = this == TIMM || this == TORCHVISION;
    boolean known = arch.isTransformer() || resnetToo && arch.name().startsWith("resnet18_");
    if (this != LOTUS && !known) {
      throw new InputException("--save-layout " + this + ": there is no " + arch.name() + " in it");
    }
  }

  /**
   * A backbone's tensors under this layout's names; parts belong to the innermost scope.
   *
   * @throws InputException if the library has no such network
   */
  Map<String, Tensor> fromOurs(Arch arch, Map<String, Tensor> ours) {
    requireNetwork(arch);
    if (!arch.isTransformer() || this == TIMM || this == LOTUS) {
      return ours;
    }
    Map<String, Tensor> separate = new LinkedHashMap<>();
    ours.forEach(
        (name, tensor) -> {
          if (this == TORCHVISION || !name.contains(".attn.qkv.")) {
            separate.put(name, tensor);
            return;
          }
          long part = tensor.size(0) / 3;
          for (int i = 0; i < 3; i++) {
            String one = name.replace(".qkv.", "." + "qkv".charAt(i) + ".");
            separate.put(one, tensor.narrow(0, i * part, part));
          }
        });
    return StateDicts.renamed(
        separate,
        name ->
            renames.stream()
                .map(r -> r.toTheirs(name))
                .filter(n -> n != null)
                .findFirst()
                .orElseThrow());
  }

  /** The text that {@link #parse} reads. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
