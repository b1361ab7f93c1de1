package dev.lotus.backbone;

import static dev.lotus.backbone.Tensors.bytes;
import static dev.lotus.backbone.Tensors.values;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Other libraries' names, there and back; heads and position embeddings that are made to fit. */
@ExtendWith(LeakCheck.class)
class KeyLayoutTest {
  private static final Arch SMALL = new Arch("vit_s_16", 5, 3, 1 / 16.0, 48, 2, 1e-6);
  @TempDir Path folder;

  private static Backbone small() {
    Backbone model = Backbones.create(SMALL);
    model.initialise(3);
    return model;
  }

  private static void requireSame(Map<String, Tensor> found, Map<String, Tensor> wanted) {
    assertThat(found).containsOnlyKeys(wanted.keySet());
    wanted.forEach(
        (name, tensor) -> assertThat(bytes(found.get(name))).as(name).isEqualTo(bytes(tensor)));
  }

  @ParameterizedTest
  @EnumSource(KeyLayout.class)
  void aTransformerGoesThereAndBack(KeyLayout layout) {
    Path file = folder.resolve("model.safetensors");
    try (PointerScope scope = new PointerScope();
        Backbone model = small()) {
      Checkpoint.save(file, model, layout);
      Map<String, Tensor> theirs = Checkpoint.read(file).tensors();
      assertThat(theirs)
          .containsKey(
              switch (layout) {
                case LOTUS, TIMM -> "blocks.1.attn.qkv.bias";
                case TORCHVISION -> "encoder.layers.encoder_layer_1.self_attention.in_proj_bias";
                case HUGGINGFACE -> "vit.encoder.layer.1.attention.attention.value.bias";
                case PUBLISHED -> "base.encoder.layer.1.attention.attention.value.bias";
              });
      try (Backbone back = Backbones.open(file, null)) {
        assertThat(back.arch()).isEqualTo(SMALL);
        requireSame(back.state(), model.state());
      }
    }
  }

  /** The names of make.py's files, which its own code made. */
  @ParameterizedTest
  @CsvSource({
    "vit_b_16.pth, torchvision",
    "vit_s_16.safetensors, timm",
    "vit_ti_16.safetensors, huggingface",
    "vit_ti_16_published.pth, published"
  })
  void whatIsWrittenHasTheLibrarysNames(String name, String layout) {
    try (PointerScope scope = new PointerScope();
        Backbone model =
            Backbones.open(GoldenModels.file(name), name.replaceAll("(_published)?\\..*", ""))) {
      Path file = folder.resolve("model.safetensors");
      Checkpoint.save(file, model, KeyLayout.parse(layout));
      Map<String, Tensor> theirs =
          new LinkedHashMap<>(Checkpoint.read(GoldenModels.file(name)).tensors());
      theirs.keySet().removeIf(key -> key.contains("pooler"));
      Map<String, Tensor> ours = Checkpoint.read(file).tensors();
      assertThat(ours).containsOnlyKeys(theirs.keySet());
      theirs.forEach(
          (key, tensor) -> assertThat(values(ours.get(key))).as(key).isEqualTo(values(tensor)));
    }
  }

  @Test
  void namesOfHuggingFacesNewerVersionsAndOldTorchvisionFiles() {
    Path file = folder.resolve("model.safetensors");
    try (PointerScope scope = new PointerScope();
        Backbone model = small()) {
      for (KeyLayout layout : new KeyLayout[] {KeyLayout.HUGGINGFACE, KeyLayout.TORCHVISION}) {
        Map<String, Tensor> renamed =
            StateDicts.renamed(
                layout.fromOurs(SMALL, model.state()),
                name ->
                    name.replace("encoder.layer.", "layers.")
                        .replaceFirst("attention\\.attention\\.(\\w+)", "attention.$1_proj")
                        .replace("query_proj", "q_proj")
                        .replace("key_proj", "k_proj")
                        .replace("value_proj", "v_proj")
                        .replace("attention.output.dense", "attention.o_proj")
                        .replace("intermediate.dense", "mlp.fc1")
                        .replace("output.dense", "mlp.fc2")
                        .replace("mlp.0", "mlp.linear_1")
                        .replace("mlp.3", "mlp.linear_2"));
        requireSame(layout.toOurs(renamed), model.state());
        Checkpoint.write(file, renamed, SMALL.toMetadata());
        Backbones.open(file, null).close();
      }
    }
  }

  @Test
  void eachLibraryHasItsOwnEpsilon() {
    assertThat(KeyLayout.HUGGINGFACE.layerNormEps()).isEqualTo(1e-12);
    try (PointerScope scope = new PointerScope();
        Backbone timm = Backbones.open(GoldenModels.file("vit_s_16.safetensors"), "vit_s_16");
        Backbone face = Backbones.open(GoldenModels.file("vit_ti_16.safetensors"), "vit_ti_16")) {
      assertThat(timm.arch()).isEqualTo(SMALL);
      assertThat(face.arch()).isEqualTo(new Arch("vit_ti_16", 4, 3, 1 / 16.0, 32, 3, 1e-12));
    }
  }

  @Test
  void aLibraryWithoutTheNetworkIsNamed() {
    Path file = folder.resolve("model.safetensors");
    try (Backbone model = Backbones.create(new Arch("resnet20", 10, 3, 0.5, 32))) {
      assertThatThrownBy(() -> Checkpoint.save(file, model, KeyLayout.HUGGINGFACE))
          .isInstanceOf(InputException.class)
          .hasMessage("--save-layout huggingface: there is no resnet20 in it");
      assertThat(file).doesNotExist();
    }
    assertThatThrownBy(() -> KeyLayout.parse("keras"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("lotus or timm or torchvision or huggingface or published");
  }

  @Test
  void whatIsMissingUnexpectedOrMisshapenIsListed() {
    Path file = folder.resolve("model.safetensors");
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard();
        Backbone model = small()) {
      Map<String, Tensor> theirs =
          new LinkedHashMap<>(KeyLayout.HUGGINGFACE.fromOurs(SMALL, model.state()));
      theirs.remove("vit.encoder.layer.1.attention.attention.key.weight");
      theirs.put("vit.layernorm.bias", torch.ones(7));
      theirs.put("extra", torch.ones(1));
      Checkpoint.write(file, theirs, SMALL.toMetadata());
      assertThatThrownBy(() -> Backbones.open(file, null))
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith(file + ": the weights do not fit vit_s_16")
          .hasMessageContaining("1 missing (blocks.1.attn.qkv.weight)")
          .hasMessageContaining("blocks.1.attn.q.weight")
          .hasMessageContaining("1 misshapen (norm.bias [7] for [24])")
          .hasMessageEndingWith("(huggingface names, listed as timm's)");
    }
  }

  /** Which of the two were taken would depend on their order. */
  @Test
  void twoNamesOfOneTensorAreRefused() {
    Path file = folder.resolve("model.safetensors");
    try (PointerScope scope = new PointerScope();
        Backbone model = small()) {
      Map<String, Tensor> both =
          new LinkedHashMap<>(KeyLayout.TORCHVISION.fromOurs(SMALL, model.state()));
      both.put("encoder.layers.encoder_layer_1.mlp.linear_1.bias", torch.ones(96));
      Checkpoint.write(file, both, Map.of());
      assertThatThrownBy(() -> Backbones.open(file, null))
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith(file + ": has two tensors for blocks.1.mlp.fc1.bias");
      both = new LinkedHashMap<>(KeyLayout.HUGGINGFACE.fromOurs(SMALL, model.state()));
      both.put("blocks.0.attn.qkv.bias", torch.ones(72));
      Checkpoint.write(file, both, Map.of());
      assertThatThrownBy(() -> Backbones.open(file, null))
          .hasMessageContaining("two tensors for blocks.0.attn.qkv.bias");
    }
  }

  @Test
  void aConvolutionalNetworkIsRecordedAtTheImagesSize() {
    Backbones.Wanted wanted = new Backbones.Wanted("resnet18", 3, 64, 0, 0);
    Backbones.Opened opened = Backbones.openFitted(GoldenModels.file("resnet18.pth"), wanted);
    try (Backbone model = opened.backbone()) {
      assertThat(model.arch().imageSize()).isEqualTo(64);
      assertThat(opened.notes()).isEmpty();
    }
  }

  @Test
  void metadataThatTheTensorsDoNotBackAreRefused() {
    Path file = folder.resolve("model.safetensors");
    try (PointerScope scope = new PointerScope();
        Backbone model = small()) {
      for (String key : new String[] {"depth", "image_size", "classes"}) {
        Map<String, String> metadata = new LinkedHashMap<>(SMALL.toMetadata());
        metadata.put(key, "1000");
        Checkpoint.write(file, model.state(), metadata);
        assertThatThrownBy(() -> Backbones.open(file, null))
            .isInstanceOf(InputException.class)
            .hasMessageContaining(file + ": metadata say " + key + " = 1000");
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"true, head of 5 classes replaced by a new one of 9", "false, no head in the file"})
  void aHeadIsReplacedAndThatIsSaid(boolean has, String words) {
    Path file = folder.resolve("model.safetensors");
    try (PointerScope scope = new PointerScope();
        Backbone model = small()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>(model.state());
      Map<String, String> metadata = new LinkedHashMap<>(SMALL.toMetadata());
      if (!has) {
        tensors.remove("head.weight");
        tensors.remove("head.bias");
        metadata.remove("classes");
      }
      Checkpoint.write(file, tensors, metadata);
      Backbones.Opened opened = Backbones.openFitted(file, new Backbones.Wanted(null, 3, 48, 9, 7));
      try (Backbone changed = opened.backbone()) {
        assertThat(opened.notes()).singleElement().asString().contains(words);
        assertThat(changed.arch().classes()).isEqualTo(9);
        Map<String, Tensor> others = new LinkedHashMap<>(changed.state());
        assertThat(values(others.remove("head.weight"))).hasSize(9 * 24).doesNotContain(0.0);
        assertThat(values(others.remove("head.bias"))).hasSize(9).containsOnly(0.0);
        tensors.remove("head.weight");
        tensors.remove("head.bias");
        requireSame(others, tensors);
      }
      if (!has) {
        assertThatThrownBy(() -> Backbones.open(file, null))
            .hasMessageContaining("head.weight is missing");
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "timm, 2",
    "timm, 5",
    "huggingface, 2",
    "huggingface, 5",
    "torchvision, 2",
    "torchvision, 5"
  })
  void positionsAreInterpolatedAsTheLibraryDoes(String layout, int side) {
    Path file = folder.resolve("model.safetensors");
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard();
        Backbone model = small()) {
      Map<String, Tensor> golden =
          Checkpoint.read(GoldenModels.file("positions.safetensors")).tensors();
      model.state().get("pos_embed").copy_(golden.get("positions"));
      Checkpoint.save(file, model, KeyLayout.parse(layout));
      Backbones.Opened opened =
          Backbones.openFitted(file, new Backbones.Wanted(null, 3, 16 * side, 0, 0));
      try (Backbone resized = opened.backbone()) {
        assertThat(opened.notes())
            .containsExactly(
                "position embeddings interpolated from images of 48 to " + 16 * side + " pixels");
        assertThat(resized.arch().imageSize()).isEqualTo(16 * side);
        double[] found = values(resized.state().get("pos_embed"));
        double[] wanted = values(golden.get(layout + "." + side));
        assertThat(found).hasSameSizeAs(wanted);
        for (int i = 0; i < wanted.length; i++) {
          assertThat(found[i]).isCloseTo(wanted[i], within(1e-5));
        }
        Tensor logits = resized.forward(torch.zeros(1, 3, 16 * side, 16 * side));
        assertThat(Checkpoint.shapeOf(logits)).containsExactly(1, 5);
      }
      assertThatThrownBy(() -> Backbones.openFitted(file, new Backbones.Wanted(null, 3, 50, 0, 0)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("multiple of its patch, 16 pixels, not 50");
      assertThatThrownBy(() -> model.forward(torch.zeros(1, 3, 32, 48)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("images of 48x48, and got 32x48");
    }
  }
}
