package dev.lotus.backbone;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import dev.lotus.device.TorchRuntime;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Architectures told by names, shapes and metadata. */
class ArchTest {
  @BeforeAll
  static void load() {
    TorchRuntime.load(1);
  }

  private static Map<String, long[]> shapes(Arch arch) {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    try (Backbone model = Backbones.create(arch)) {
      model.state().forEach((name, tensor) -> shapes.put(name, Checkpoint.shapeOf(tensor)));
    }
    return shapes;
  }

  @ParameterizedTest
  @CsvSource({
    "resnet18, 10, 3, 1",
    "resnet18, 101, 1, 0.25",
    "resnet18, 10, 3, 0.3",
    "resnet18, 10, 3, 0.07",
    "resnet20, 10, 3, 1",
    "resnet20, 10, 1, 0.37",
    "resnet32, 100, 3, 1",
    "resnet44, 10, 3, 2",
    "resnet56, 10, 3, 0.5",
    "resnet18_torchvision, 1000, 3, 1",
    "resnet18_cifar, 10, 1, 0.25",
    "vit_b_16, 10, 3, 1",
    "vit_s_16, 100, 1, 1",
    "vit_ti_16, 5, 3, 1"
  })
  void namesAndShapesTellTheArchitecture(String name, int classes, int channels, double width) {
    Map<String, long[]> shapes = shapes(new Arch(name, classes, channels, width, 32));
    Arch arch = Backbones.recognise(shapes, Map.of("format", "pt"));
    assertThat(arch.name()).isEqualTo(name);
    assertThat(arch.classes()).isEqualTo(classes);
    assertThat(arch.channels()).isEqualTo(channels);
    // The width comes back up to the rounding of channels to multiples of 8: the same shapes, that
    // is.
    assertThat(shapes(arch)).usingRecursiveComparison().isEqualTo(shapes);
  }

  @Test
  void metadataWinsOverShapes() {
    Arch arch = new Arch("resnet20", 10, 3, 0.37, 48);
    assertThat(Backbones.recognise(shapes(arch), arch.toMetadata())).isEqualTo(arch);
    assertThat(Backbones.recognise(shapes(arch), Map.of("arch", "resnet56")).name())
        .isEqualTo("resnet56");
  }

  @Test
  void doubtListsTheCandidates() {
    Map<String, long[]> torchvision =
        Map.of(
            "conv1.weight",
            new long[] {64, 3, 7, 7},
            "layer2.0.downsample.0.weight",
            new long[] {128, 64, 1, 1});
    for (Map<String, long[]> shapes : List.of(torchvision, Map.<String, long[]>of())) {
      assertThatThrownBy(() -> Backbones.recognise(shapes, Map.of()))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("candidates: resnet18")
          .hasMessageContaining("resnet20, resnet32, resnet44, resnet56")
          .hasMessageContaining("--arch");
    }
    assertThatThrownBy(() -> Backbones.recognise(torchvision, Map.of("arch", "resnet18")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("fc.weight is missing");
  }

  /** Deeper relatives, other patches and other widths have the same names, and are not these. */
  @Test
  void relativesAreInDoubt() {
    Map<String, long[]> resnet34 = shapes(new Arch("resnet18_torchvision", 10, 3, 0.125, 32));
    resnet34.put("layer1.2.conv1.weight", new long[] {8, 8, 3, 3});
    Map<String, long[]> patch32 = shapes(new Arch("vit_ti_16", 10, 3, 1, 32));
    patch32.put("patch_embed.proj.weight", new long[] {192, 3, 32, 32});
    Map<String, long[]> narrow = shapes(new Arch("vit_ti_16", 10, 3, 0.5, 32));
    for (Map<String, long[]> shapes : List.of(resnet34, patch32, narrow)) {
      assertThatThrownBy(() -> Backbones.recognise(shapes, Map.of()))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("not recognisable")
          .hasMessageContaining("resnet18_torchvision, resnet18_cifar")
          .hasMessageContaining("vit_b_16, vit_s_16, vit_ti_16");
    }
    assertThat(Backbones.recognise(narrow, Map.of("arch", "vit_ti_16")).width()).isEqualTo(0.5);
    Map<String, long[]> oblong = shapes(new Arch("vit_ti_16", 10, 3, 1, 32));
    oblong.put("pos_embed", new long[] {1, 7, 192});
    assertThatThrownBy(() -> Backbones.recognise(oblong, Map.of()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("7 positions");
  }

  @ParameterizedTest
  @CsvSource({
    "arch, vgg19, 'vgg19 is not known; there are resnet18, resnet20'",
    "classes, ten, 'classes = ten: no number'",
    "classes, 2.5, 'classes = 2.5: no whole number'",
    "classes, 0, 'classes = 0'",
    "width, NaN, 'width factor NaN'",
    "width, -1, 'width factor -1'",
    "channels, 1e9, 'channels = 1000000000'",
    "image_size, 0, 'image size = 0'",
    "classes, 1000000, 'metadata say classes = 1000000, the tensors say 10'",
    "channels, 1024, 'metadata say channels = 1024, the tensors say 3'",
    "width, 16, 'metadata say width, in channels, = 1024, the tensors say 32'",
    "depth, 1000, 'metadata say depth = 1000, the tensors say 0'",
    "depth, -1, 'depth = -1'",
    "layer_norm_eps, 0, 'layer_norm_eps = 0.0'"
  })
  void metadataThatMakeNoSenseAreNamed(String key, String value, String words) {
    Map<String, long[]> shapes = shapes(new Arch("resnet20", 10, 3, 0.5, 32));
    assertThatThrownBy(() -> Backbones.recognise(shapes, Map.of(key, value)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(words);
  }

  @ParameterizedTest
  @CsvSource({
    "resnet18, 1",
    "resnet18, 0.3",
    "resnet18_cifar, 0.125",
    "resnet18_torchvision, 0.5",
    "resnet20, 0.0625",
    "resnet20, 1",
    "resnet56, 0.7",
    "vit_ti_16, 0.34",
    "vit_s_16, 0.05"
  })
  void everyNetworkHoldsWhatItsSizesTake(String name, double width) {
    Arch arch = new Arch(name, 10, 3, width, 32);
    Map<String, long[]> shapes = shapes(arch);
    ArchRecognition.requireHeld(arch, shapes);
    shapes.replaceAll((key, shape) -> new long[] {0});
    assertThatThrownBy(() -> ArchRecognition.requireHeld(arch, shapes))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("the tensors hold 0 numbers; " + name);
  }

  /** Some kilobytes that name sizes of terabytes: no axis of length 0 costs anything. */
  @Test
  void sizesThatNoTensorHoldsTakeNoMemory(@TempDir Path folder) {
    Path file = folder.resolve("model.safetensors");
    try (PointerScope scope = new PointerScope()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put("patch_embed.proj.weight", torch.zeros(12288, 3, 16, 0));
      tensors.put("pos_embed", torch.zeros(1, 197, 0));
      tensors.put("head.weight", torch.zeros(1000, 0));
      for (int block = 0; block < 1000; block++) {
        tensors.put("blocks." + block + ".norm1.weight", torch.zeros(0));
      }
      Checkpoint.write(file, tensors, Map.of("arch", "vit_b_16"));
    }
    assertThatThrownBy(() -> Backbones.open(file, null))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(file + ": the tensors hold 0 numbers; vit_b_16 of the sizes");
  }
}
