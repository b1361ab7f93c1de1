package dev.lotus.backbone;

import static dev.lotus.backbone.Tensors.bytes;
import static dev.lotus.backbone.Tensors.values;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What torch.save writes, in both forms; what is refused, and what is not believed. */
@ExtendWith(LeakCheck.class)
class TorchFileTest {
  private static final StorageRef STORAGE = new StorageRef("0", ScalarType.Float, 4, 10, 0);
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"strided.pth", "strided.th", "strided_big_endian.pth"})
  void stridesOffsetsAndByteOrderAreHonoured(String file) {
    try (PointerScope scope = new PointerScope()) {
      Map<String, Tensor> found = Checkpoint.read(GoldenModels.file(file)).tensors();
      Map<String, Tensor> expected =
          Checkpoint.read(GoldenModels.file("strided.expected.safetensors")).tensors();
      assertThat(found).containsOnlyKeys(expected.keySet()).hasSize(6);
      expected.forEach(
          (name, tensor) -> {
            assertThat(Checkpoint.shapeOf(found.get(name)))
                .as(name)
                .isEqualTo(Checkpoint.shapeOf(tensor));
            assertThat(bytes(found.get(name).contiguous())).as(name).isEqualTo(bytes(tensor));
          });
    }
  }

  @Test
  void everyElementTypeIsRead() {
    try (PointerScope scope = new PointerScope()) {
      Map<String, Tensor> found = Checkpoint.read(GoldenModels.file("types.pth")).tensors();
      assertThat(found).hasSize(10);
      found.forEach(
          (name, tensor) ->
              assertThat(values(tensor))
                  .as(name)
                  .containsExactly(
                      name.equals("bool")
                          ? new double[] {1, 1, 0, 1, 1}
                          : new double[] {2, 1, 0, 1, 2}));
      assertThat(found.get("bfloat16").scalar_type().intern()).isEqualTo(ScalarType.BFloat16);
      assertThat(found.get("int16").scalar_type().intern()).isEqualTo(ScalarType.Short);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "hostile.pth, posix.system",
    "hostile.th, posix.system",
    "whole_module.pth, torch.nn.modules.linear.Linear",
    "whole_module.th, torch.nn.Net"
  })
  void codeIsRefusedByName(String file, String name) {
    assertThatThrownBy(() -> Checkpoint.read(GoldenModels.file(file)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(file)
        .hasMessageContaining("asks for " + name + ",")
        .hasMessageContaining("refused")
        .hasMessageContaining("state_dict()");
  }

  /** Each way in which a pickle can name what shall be called. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "\u0080\u0002cos\nsystem\n(U\u0002idtR.",
        "\u0080\u0002(U\u0002idios\nsystem\n.",
        "\u0080\u0004\u008c\u0002os\u008c\u0006system\u0093\u008c\u0002id\u0085R.",
        "\u0080\u0002cos\nsystem\n)\u0081}b."
      })
  void everyWayToCallIsRefused(String pickle) {
    assertThatThrownBy(() -> unpickle(pickle))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("os.system");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\u0080\u0002X\u00ff\u00ff\u00ff\u007f.      | length of 2147483647",
        "\u0080\u0004\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff. | length of 1844674407",
        "\u0080\u0002h\u0007.                        | memo 7",
        "\u0080\u0002K\u0001                         | cut off",
        "\u0080\u0002.                               | an empty stack",
        "\u0080\u0002(.                              | a mark where a value is due",
        "\u0080\u0002K\u0001K\u0002.                 | values left over",
        "\u0080\u0002}]K\u0001s.                     | neither a text nor a number",
        "\u0080\u0002}(K\u0001u.                     | a key that has no value",
        "\u0080\u0002S'text'.                        | opcode 0x53",
        "\u0080\u0000.                               | pickle protocol 0",
        "\u0080\u0002K\u0001Q.                       | persistent id",
        "\u0080\u0002K\u0001)R.                      | a call of what is no function",
        "\u0080\u0002ctorch~Size~K\u0001\u0085R.   | SIZE",
        "\u0080\u0002K\u0001K\u0002a.                | no list",
        "\u0080\u0002K\u0001}b.                      | BUILD"
      })
  void nonsenseIsNamed(String pickle, String words) {
    assertThatThrownBy(() -> unpickle(pickle.replace('~', '\n')))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(words);
  }

  private static Object unpickle(String bytes) {
    return new TorchPickle(ByteBuffer.wrap(bytes.getBytes(StandardCharsets.ISO_8859_1))).read();
  }

  @Test
  void aContainerInItselfDoesNoHarm() {
    Object cyclic = unpickle("\u0080\u0002}q\u0000U\u0005modelh\u0000s.");
    assertThatThrownBy(() -> StateDicts.find(cyclic))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no state dict")
        .hasMessageContaining("its keys are: model");
    assertThatThrownBy(() -> StateDicts.find(List.of())).hasMessageContaining("it is no dict");
  }

  /** What else lies beside the tensors in files of training programs, all of it without code. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ccollections~Counter~}K\u0003K\u0002s\u0085R.      | {3=2}",
        "c__builtin__~set~](K\u0001K\u0002e\u0085R.         | [1, 2]",
        "ctorch~device~U\u0004cudaK\u0000\u0086R.            | [cuda, 0]",
        "ctorch~float16~.                                  | float16",
        "ccollections~OrderedDict~)R}U\u0001aK\u0001sb.     | {}"
      })
  void plainValuesAreRead(String pickle, String value) {
    assertThat(unpickle("\u0080\u0002" + pickle.replace('~', '\n'))).hasToString(value);
  }

  @Test
  void theStateDictIsFoundWhereProgramsPutIt() {
    TensorRef a = TensorRef.of(STORAGE, 0, List.of(1L), List.of(1L));
    TensorRef b = TensorRef.of(STORAGE, 1, List.of(1L), List.of(1L));
    Map<String, Object> plain = Map.of("w", a);
    Map<String, Object> averaged = Map.of("w", b);
    // PyTorch's ImageNet example keeps its best accuracy as a tensor.
    assertThat(StateDicts.find(Map.of("best_acc1", b, "state_dict", plain))).isEqualTo(plain);
    assertThat(StateDicts.find(Map.of("model", Map.of("net", plain)))).isEqualTo(plain);
    assertThat(StateDicts.find(Map.of("model_ema", averaged, "model", plain))).isEqualTo(plain);
    assertThat(StateDicts.find(Map.of("state_dict_ema", averaged, "model", "resnet18")))
        .isEqualTo(averaged);
    assertThat(StateDicts.find(Map.of("model", Map.of(), "w", a, "epoch", 3L))).isEqualTo(plain);
    assertThatThrownBy(() -> StateDicts.find(Map.of())).hasMessageContaining("it is empty");
    assertThatThrownBy(() -> StateDicts.find(Map.of("model", Map.of("a", 1L))))
        .hasMessageContaining("its keys are: model;");
  }

  @Test
  void wrappersOfAllNamesAreTakenOff() {
    assertThat(StateDicts.unwrapped(Map.of("module.a", 1, "module.b.c", 2)))
        .isEqualTo(Map.of("a", 1, "b.c", 2));
    assertThat(StateDicts.unwrapped(Map.of("module._orig_mod.model.a", 1)))
        .isEqualTo(Map.of("a", 1));
    assertThat(StateDicts.unwrapped(Map.of("n_averaged", 0, "module.a", 1)))
        .isEqualTo(Map.of("a", 1));
    for (Map<String, Integer> kept :
        List.of(Map.of("module.a", 1, "b", 2), Map.of("n_averaged", 0, "a", 1))) {
      assertThat(StateDicts.unwrapped(kept)).isEqualTo(kept);
    }
    assertThat(StateDicts.unwrapped(Map.of())).isEmpty();
  }

  @Test
  void aTensorStaysInItsStorage() {
    StorageRef storage = STORAGE;
    assertThat(TensorRef.of(storage, 4, List.of(2L, 3L), List.of(3L, 1L)).offset()).isEqualTo(4);
    assertThat(TensorRef.of(storage, 10, List.of(0L), List.of(1L)).size()).containsExactly(0);
    Object[][] outside = {
      {5L, List.of(2L, 3L), List.of(3L, 1L)},
      {-1L, List.of(1L), List.of(1L)},
      {11L, List.of(0L), List.of(1L)},
      {0L, List.of(11L), List.of(0L)},
      {0L, List.of(2L), List.of(Long.MAX_VALUE)},
      {Long.MAX_VALUE, List.of(1L), List.of(1L)},
      {0L, List.of(1L << 40, 1L << 40), List.of(0L, 0L)},
      {0L, List.of(-1L), List.of(1L)},
      {0L, List.of(1L), List.of(1L, 1L)},
      {0L, List.of("1"), List.of(1L)}
    };
    for (Object[] window : outside) {
      assertThatThrownBy(
              () ->
                  TensorRef.of(storage, (Long) window[0], (List<?>) window[1], (List<?>) window[2]))
          .as(List.of(window).toString())
          .isInstanceOf(InputException.class)
          .hasMessageContaining("storage 0");
    }
    assertThatThrownBy(() -> TensorRef.of(STORAGE, 0, List.of(99L), List.of(0L)))
        .hasMessageContaining("a tensor of 99 repeats them; save its .contiguous() form");
  }

  @Test
  void archivesThatAreNotTorchs() throws IOException {
    Path source = GoldenModels.file("strided.pth");
    refused(rewritten(source, ZipEntry.DEFLATED, data -> data), "is compressed");
    refused(
        rewritten(source, ZipEntry.STORED, data -> java.util.Arrays.copyOf(data, data.length + 4)),
        "bytes, its storage 96");
    refused(replaced(source, "\u0000\u0000@\u00c0", "\u0000\u0000A\u00c0"), "has the checksum");
    refused(replaced(source, "strided/data/1", "strided/data/0"), "has strided/data/0 twice");
    Path empty = folder.resolve("empty.pth");
    Files.write(empty, new byte[] {'P', 'K', 3, 4, 0, 0, 0, 0, 0, 0, 0, 0});
    refused(empty, "no sound zip archive");
    byte[] legacy = Files.readAllBytes(GoldenModels.file("strided.th"));
    Path cut = folder.resolve("cut.th");
    Files.write(cut, java.util.Arrays.copyOf(legacy, legacy.length - 1));
    refused(cut, "cut off or damaged");
    Path other = folder.resolve("other.pkl");
    Files.write(other, "\u0080\u0002}q\u0000.        ".getBytes(StandardCharsets.ISO_8859_1));
    refused(other, "not one of torch.save");
  }

  /** The file with every place of some bytes overwritten by others of the same length. */
  private Path replaced(Path source, String from, String to) throws IOException {
    String bytes = Files.readString(source, StandardCharsets.ISO_8859_1);
    assertThat(bytes).contains(from);
    return Files.writeString(
        folder.resolve("replaced.pth"), bytes.replace(from, to), StandardCharsets.ISO_8859_1);
  }

  private static void refused(Path file, String words) {
    assertThatThrownBy(() -> Backbones.open(file, null))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(file.getFileName().toString())
        .hasMessageContaining(words);
  }

  /** The archive with its storages' bytes changed. */
  private Path rewritten(Path source, int method, UnaryOperator<byte[]> change) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipFile old = new ZipFile(source.toFile());
        ZipOutputStream out = new ZipOutputStream(bytes)) {
      for (ZipEntry entry : old.stream().toList()) {
        byte[] data = old.getInputStream(entry).readAllBytes();
        data = entry.getName().contains("/data/") ? change.apply(data) : data;
        ZipEntry copy = new ZipEntry(entry.getName());
        copy.setMethod(method);
        CRC32 crc = new CRC32();
        crc.update(data);
        copy.setCrc(crc.getValue());
        copy.setSize(data.length);
        out.putNextEntry(copy);
        out.write(data);
        out.closeEntry();
      }
    }
    Path file = folder.resolve("rewritten" + method + ".pth");
    Files.write(file, bytes.toByteArray());
    return file;
  }
}
