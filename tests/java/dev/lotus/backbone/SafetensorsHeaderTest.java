package dev.lotus.backbone;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Files somebody made to break the reader: each is refused in words, before any memory is taken for
 * it.
 */
class SafetensorsHeaderTest {
  @TempDir Path folder;

  private Path file(long length, String json, int dataBytes) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array());
    out.write(json.getBytes(StandardCharsets.UTF_8));
    out.write(new byte[dataBytes]);
    return Files.write(folder.resolve("hostile.safetensors"), out.toByteArray());
  }

  private static String tensor(String name, String dtype, String shape, String offsets) {
    return "\""
        + name
        + "\":{\"dtype\":"
        + dtype
        + ",\"shape\":"
        + shape
        + ",\"data_offsets\":"
        + offsets
        + "}";
  }

  static Stream<Arguments> headers() {
    String a = tensor("a", "\"F32\"", "[2]", "[0,8]");
    return Stream.of(
        Arguments.of("{" + a, 8, "not valid JSON"),
        Arguments.of("{" + a + "}{}", 8, "not valid JSON"),
        Arguments.of("[1,2]", 0, "not a JSON object"),
        Arguments.of("{" + a + "," + a + "}", 8, "Duplicate"),
        Arguments.of(
            "{" + a + "," + tensor("b", "\"F32\"", "[2]", "[4,12]") + "}",
            12,
            "tensor b begins at byte 4, the one before ends at 8: they overlap"),
        Arguments.of("{" + a + "," + tensor("b", "\"F32\"", "[2]", "[12,20]") + "}", 20, "a hole"),
        Arguments.of("{" + tensor("a", "\"F32\"", "[2]", "[4,12]") + "}", 12, "a hole"),
        Arguments.of("{" + a + "}", 7, "tensor a ends at byte 8 of data that has 7"),
        Arguments.of("{" + a + "}", 9, "tensors end at byte 8 of data that has 9"),
        Arguments.of("{" + tensor("a", "\"F32\"", "[3]", "[0,8]") + "}", 8, "takes 12 bytes"),
        Arguments.of("{" + tensor("a", "\"BF16\"", "[2]", "[0,8]") + "}", 8, "takes 4 bytes"),
        Arguments.of(
            "{" + tensor("a", "\"F8_E4M3\"", "[8]", "[0,8]") + "}",
            8,
            "dtype \"F8_E4M3\" is none of"),
        Arguments.of("{" + tensor("a", "7", "[8]", "[0,8]") + "}", 8, "dtype 7 is none of"),
        Arguments.of("{" + tensor("a", "\"U8\"", "[-8]", "[0,8]") + "}", 8, "shape holds -8"),
        Arguments.of("{" + tensor("a", "\"U8\"", "[8.0]", "[0,8]") + "}", 8, "shape holds 8.0"),
        Arguments.of(
            "{" + tensor("a", "\"U8\"", "8", "[0,8]") + "}", 8, "shape is missing or no list"),
        Arguments.of("{" + tensor("a", "\"U8\"", "[8]", "[8,0]") + "}", 8, "are no [begin, end]"),
        Arguments.of("{" + tensor("a", "\"U8\"", "[8]", "[0,8,9]") + "}", 8, "are no [begin, end]"),
        Arguments.of(
            "{" + tensor("a", "\"U8\"", "[8]", "[-1,7]") + "}", 8, "data_offsets holds -1"),
        Arguments.of(
            "{" + tensor("a", "\"F32\"", "[4611686018427387904,4]", "[0,8]") + "}", 8, "too large"),
        Arguments.of(
            "{" + tensor("a", "\"U8\"", "[99999999999999999999]", "[0,8]") + "}",
            8,
            "shape holds 9999"),
        Arguments.of("{\"a\":3}", 0, "tensor a: dtype"),
        Arguments.of("{\"__metadata__\":{\"n\":3}}", 0, "__metadata__.n is not a text"),
        Arguments.of("{\"__metadata__\":[]}", 0, "__metadata__ is not a JSON object"),
        Arguments.of("[".repeat(100_000), 0, "not valid JSON"));
  }

  @ParameterizedTest
  @MethodSource("headers")
  void anUnsoundHeaderIsRefused(String json, int dataBytes, String words) throws Exception {
    Path file = file(json.getBytes(StandardCharsets.UTF_8).length, json, dataBytes);
    assertThatThrownBy(() -> Checkpoint.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(file + ": ")
        .hasMessageContaining(words);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 100_000_001, Long.MAX_VALUE, -1, Long.MIN_VALUE})
  void aHeaderLengthOutOfRangeIsRefused(long length) throws Exception {
    Path file = file(length, "{}", 0);
    assertThatThrownBy(() -> Checkpoint.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("header length " + Long.toUnsignedString(length));
  }

  @Test
  void aHeaderLongerThanTheFileIsRefused() throws Exception {
    Path file = file(99_999_999, "{}", 0);
    assertThatThrownBy(() -> Checkpoint.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("header of 99999999 bytes in a file of 10: the file is cut off");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 8, 9})
  void aFileTooShortForAnythingIsRefused(int bytes) throws Exception {
    Path file = Files.write(folder.resolve("short"), new byte[bytes]);
    assertThatThrownBy(() -> Checkpoint.read(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(bytes + " bytes: no safetensors file");
  }

  @Test
  void anEmptyButSoundFileIsRead() throws Exception {
    assertThat(Checkpoint.read(file(4, "{}  ", 0)).tensors()).isEmpty();
  }
}
