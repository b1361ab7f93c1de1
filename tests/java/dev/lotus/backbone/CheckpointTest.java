package dev.lotus.backbone;

import static dev.lotus.backbone.Tensors.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Weight files written and read back, and weights that do not fit. */
@ExtendWith(LeakCheck.class)
class CheckpointTest {
  private static final Arch TINY = new Arch("resnet20", 4, 1, 0.5, 28);
  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(
      value = ScalarType.class,
      names = {
        "Float",
        "Half",
        "BFloat16",
        "Double",
        "Long",
        "Int",
        "Short",
        "Char",
        "Byte",
        "Bool"
      })
  void everyTypeComesBackBitByBit(ScalarType type) {
    try (PointerScope scope = new PointerScope()) {
      Tensor odd = torch.arange(new Scalar(21)).sub(new Scalar(3)).mul(new Scalar(0.37)).to(type);
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put("odd", odd.view(3, 1, 7));
      tensors.put("scalar", odd.select(0, 5));
      tensors.put("byte", torch.arange(new Scalar(3)).to(ScalarType.Byte));
      tensors.put("empty", torch.ones(0, 4));
      tensors.put("transposed \"quoted\" ü", odd.view(3, 7).t());
      Path file = folder.resolve("new/weights.safetensors");
      Checkpoint.write(file, tensors, Map.of("who", "a \"test\""));

      Checkpoint.Loaded loaded = Checkpoint.read(file);
      assertThat(loaded.metadata()).containsExactly(Map.entry("who", "a \"test\""));
      assertThat(loaded.tensors()).containsOnlyKeys(tensors.keySet());
      tensors.forEach(
          (name, tensor) -> {
            Tensor back = loaded.tensors().get(name);
            assertThat(back.scalar_type().intern()).isEqualTo(tensor.scalar_type().intern());
            assertThat(Checkpoint.shapeOf(back)).isEqualTo(Checkpoint.shapeOf(tensor));
            assertThat(bytes(back)).isEqualTo(bytes(tensor.contiguous()));
          });
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"resnet18", "resnet32"})
  void aSavedBackboneOpensEqual(String name) {
    Arch arch = new Arch(name, 5, 3, 0.3, 64);
    Path file = folder.resolve("model.safetensors");
    try (PointerScope scope = new PointerScope();
        Backbone model = Backbones.create(arch)) {
      model.initialise(1);
      model.forward(Tensors.images(2, 3, 8));
      model.channelsLast(true);
      Checkpoint.save(file, model);
      model.channelsLast(false);
      // Hugging Face's library asks for this entry, and refuses files with metadata but without it.
      assertThat(Checkpoint.read(file).metadata()).containsEntry("format", "pt");
      try (Backbone back = Backbones.open(file, null)) {
        assertThat(back.arch()).isEqualTo(arch);
        model
            .state()
            .forEach(
                (key, tensor) -> assertThat(bytes(back.state().get(key))).isEqualTo(bytes(tensor)));
      }
    }
  }

  @Test
  void halfPrecisionWeightsBecomeFp32() {
    try (PointerScope scope = new PointerScope();
        Backbone model = Backbones.create(TINY);
        Backbone other = Backbones.create(TINY)) {
      model.initialise(1);
      Map<String, Tensor> half = new LinkedHashMap<>();
      model
          .state()
          .forEach((key, t) -> half.put(key, t.is_floating_point() ? t.to(ScalarType.Half) : t));
      Path file = folder.resolve("half.safetensors");
      Checkpoint.write(file, half, Map.of());
      Checkpoint.load(other, Checkpoint.read(file));
      Tensor weight = other.state().get("linear.weight");
      assertThat(weight.scalar_type().intern()).isEqualTo(ScalarType.Float);
      assertThat(bytes(weight)).isEqualTo(bytes(half.get("linear.weight").to(ScalarType.Float)));
    }
  }

  @Test
  void weightsThatDoNotFitAreListed() {
    try (PointerScope scope = new PointerScope();
        Backbone model = Backbones.create(TINY)) {
      model.initialise(1);
      byte[] before = bytes(model.state().get("conv1.weight"));
      Map<String, Tensor> tensors = new LinkedHashMap<>(model.state());
      tensors.replaceAll((key, tensor) -> tensor.detach().add(new Scalar(1L)));
      tensors.remove("bn1.weight");
      tensors.remove("bn1.num_batches_tracked");
      tensors.put("fc.weight", torch.ones(4, 32));
      tensors.put("linear.bias", torch.ones(9));
      tensors.put("bn1.bias", torch.ones(8).to(ScalarType.Long));
      assertThatThrownBy(
              () -> Checkpoint.load(model, new Checkpoint.Loaded(Path.of("w"), tensors, Map.of())))
          .isInstanceOf(InputException.class)
          .hasMessage(
              "w: the weights do not fit resnet20 (4 classes, 1 channels, width 0.5): "
                  + "1 missing (bn1.weight); 1 unexpected (fc.weight); "
                  + "1 misshapen (linear.bias [9] for [4]); "
                  + "1 of the wrong type (bn1.bias Long for Float)");
      assertThat(bytes(model.state().get("conv1.weight"))).isEqualTo(before);
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
  void damagedWeightsAreNamed(double value) {
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard();
        Backbone model = Backbones.create(TINY)) {
      model.initialise(1);
      byte[] before = bytes(model.state().get("conv1.weight"));
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      model.state().forEach((key, tensor) -> tensors.put(key, tensor.clone()));
      tensors.get("conv1.weight").zero_();
      tensors.get("layer2.1.bn2.running_var").select(0, 3).fill_(new Scalar(value));
      assertThatThrownBy(
              () -> Checkpoint.load(model, new Checkpoint.Loaded(Path.of("w"), tensors, Map.of())))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("layer2.1.bn2.running_var holds NaN or infinity");
      assertThat(bytes(model.state().get("conv1.weight"))).isEqualTo(before);
    }
  }

  @Test
  void aFailedReadKeepsNothing() throws Exception {
    Path file = folder.resolve("cut.safetensors");
    try (PointerScope scope = new PointerScope()) {
      Checkpoint.write(file, Map.of("a", torch.ones(1000)), Map.of());
    }
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length - 1));
    assertThatThrownBy(() -> Checkpoint.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContaining("tensor a ends at byte 4000 of data that has 3999");
    assertThatThrownBy(() -> Checkpoint.read(folder)).hasMessageContaining("is a folder");
    assertThatThrownBy(() -> Checkpoint.read(folder.resolve("none")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no such file");
  }

  @Test
  void theDataBeginAligned() throws Exception {
    Path file = folder.resolve("a.safetensors");
    try (PointerScope scope = new PointerScope()) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put("b", torch.ones(3).to(ScalarType.Byte));
      tensors.put("l", torch.ones(1).to(ScalarType.Long));
      Checkpoint.write(file, tensors, Map.of());
    }
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    long length = bytes.getLong(0);
    assertThat(length % 8).isZero();
    assertThat(new String(bytes.array(), 8, (int) length, StandardCharsets.UTF_8).strip())
        .isEqualTo(
            "{\"l\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                + "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[8,11]}}");
  }
}
