package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UnpicklerTest {
  private static byte[] latin(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  private static Object read(String pickle) {
    return Unpickler.read("file.pkl", latin(pickle), NumpyBytes::find);
  }

  @Test
  void readsPlainData() {
    Object value =
        read(
            "\u0080\u0002}(X\u0001\0\0\0aK\u0005U\u0002bc](I7\nNM\u0001\u0001e"
                + "X\u0001\0\0\0dJ\u00ff\u00ff\u00ff\u00ffu.");
    assertThat(value).isInstanceOf(Map.class);
    Map<?, ?> map = (Map<?, ?>) value;
    assertThat(map.get("a")).isEqualTo(5L);
    assertThat(map.get("bc")).isEqualTo(Arrays.asList(7L, null, 257L));
    assertThat(map.get("d")).isEqualTo(-1L);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cos\nsystem\n(S'touch x'\ntR.",
        "cos\nsystem\n(X\u0007\0\0\0touch xtR.",
        "\u0080\u0004\u008c\u0002os\u008c\u0006system\u0093\u008c\u0001x\u0085R.",
        "(ios\nsystem\n.",
        "cos\nsystem\n.",
        "\u0080\u0002cos\nsystem\n)\u0081."
      })
  void refusesEveryOtherClassByName(String pickle) {
    assertThatThrownBy(() -> read(pickle))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("file.pkl")
        .hasMessageContaining("os.system");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cbuiltins\neval\n.", "c__builtin__\nexec\n.", "csubprocess\nPopen\n.", "cnumpy\nload\n.",
        "cnumpy.core.multiarray\nscalar\n.", "c_codecs\ndecode\n.", "Pid\n.", "\u0082\u0001."
      })
  void refusesWhatIsNotOnTheList(String pickle) {
    assertThatThrownBy(() -> read(pickle))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no code of a file is ever run");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "(",
        ".",
        "}",
        "t.",
        "R.",
        "b.",
        "K\u0005R.",
        "h\u0001.",
        "(]e.",
        "]K\u0001s.",
        "}K\u0001a.",
        "(K\u0001d.",
        "}]K\u0001s.",
        "X\u00ff\u00ff\u00ff\u00ff.",
        "T\u00ff\u00ff\u00ff\u007f.",
        "\u008e\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f.",
        "\u0080\u0009N.",
        "Ix\n.",
        "~",
        "\u0095\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff.",
        "a.",
        "u.",
        "0.",
        "2."
      })
  void refusesDamage(String pickle) {
    assertThatThrownBy(() -> read(pickle))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no complete pickle");
  }

  /** Remembering costs a byte in the file and far more in memory. */
  @Test
  void remembersOnlySoMuch() {
    byte[] pickle = new byte[(1 << 22) + 4];
    java.util.Arrays.fill(pickle, (byte) 0x94);
    pickle[0] = 'N';
    assertThatThrownBy(() -> Unpickler.read("file.pkl", pickle, NumpyBytes::find))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("instructions");
  }

  /** A list that holds itself cannot be printed. */
  @Test
  void aListThatHoldsItselfIsNoSizeAndNoType() {
    List<Object> list = new java.util.ArrayList<>();
    list.add(List.of(list));
    Object dtype = NumpyBytes.find("numpy", "dtype").call(List.of("u1", false, true));
    List<Object> state = List.of(1L, List.of(list), dtype, false, new byte[6]);
    assertThatThrownBy(() -> new NumpyBytes().setState(state))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("a size in its shape");
    assertThatThrownBy(() -> NumpyBytes.find("numpy", "dtype").call(List.of(list, false, true)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("without a name");
  }

  @Test
  void anArrayIsOfTheTypeAndSizeItSays() {
    Object dtype = NumpyBytes.find("numpy", "dtype").call(List.of("u1", false, true));
    NumpyBytes array = new NumpyBytes();
    array.setState(List.of(1L, List.of(2L, 3L), dtype, false, new byte[6]));
    assertThat(array.shape()).containsExactly(2, 3);
    for (Object state :
        List.of(
            List.of(1L, List.of(2L, 4L), dtype, false, new byte[6]),
            List.of(1L, List.of(-2L, -3L), dtype, false, new byte[6]),
            List.of(1L, List.of(1L << 40, 1L << 40), dtype, false, new byte[6]),
            List.of(1L, List.of(6L), dtype, true, new byte[6]),
            Arrays.asList(1L, List.of(6L), null, false, new byte[6]),
            List.of(6L))) {
      assertThatThrownBy(() -> array.setState(state)).isInstanceOf(InputException.class);
    }
    assertThatThrownBy(() -> NumpyBytes.find("numpy", "dtype").call(List.of("f4", false, true)))
        .hasMessageContaining("f4");
  }

  @Test
  void integersOfEveryLengthAndOldBools() {
    assertThat(read("\u008a\u0000.")).isEqualTo(0L);
    assertThat(read("\u008a\u0001\u00ff.")).isEqualTo(-1L);
    assertThat(read("\u008a\u0008\0\0\0\0\0\0\0\u0080.")).isEqualTo(Long.MIN_VALUE);
    assertThat(read("\u008a\u0009\0\0\0\0\0\0\0\u0080\0.")).isEqualTo(BigInteger.ONE.shiftLeft(63));
    assertThat(read("\u008b\u0002\0\0\0\0\u0001.")).isEqualTo(256L);
    assertThat(read("(I00\nI01\nI1\nL12L\nt.")).isEqualTo(List.of(false, true, 1L, 12L));
    assertThatThrownBy(() -> read("\u008b\u0001\u0001\0\0" + "\0".repeat(257) + "."))
        .hasMessageContaining("an integer of 257 bytes");
  }

  /** A few bytes each would make a copy of one long text. */
  @Test
  void aTextIsNotCopiedOverAndOver() {
    String text = "x".repeat(255);
    String pickle =
        "\u0080\u0002(c_codecs\nencode\nq\u0000\u008c\u00ff"
            + text
            + "q\u0001\u008c\u0006latin1q\u0002\u0086q\u0003R"
            + "h\u0000h\u0003R".repeat(400)
            + "t.";
    assertThatThrownBy(() -> read(pickle))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("calls that make more bytes than it has");
    String names = "\u0080\u0002}X\u0001\0\0\0n(U\u0001xq\u0000" + "h\u0000".repeat(1000) + "ls.";
    assertThatThrownBy(() -> CifarFile.names("meta", latin(names), "n"))
        .hasMessage("meta names 1001 classes in 'n'");
  }

  @Test
  void instructionsAreCounted() {
    assertThatThrownBy(() -> read("}0".repeat(1 << 21) + "N."))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("more than 4194304 instructions");
  }

  @Test
  void everyMessageNamesTheFileAndIsFitForATerminal() {
    assertThatThrownBy(() -> read("cnumpy\ndtype\n(\u008c\u0002f4tR."))
        .hasMessage("file.pkl: a numpy array is of type f4; only uint8 (u1) is read");
    assertThatThrownBy(() -> read("cos\n\u001b[31msystem" + "!".repeat(300) + "\n."))
        .hasMessageStartingWith("file.pkl: asks for os.?[31msystem!!!")
        .hasMessageContaining("!!!...");
  }
}
