package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class IndexFileTest {
  @TempDir Path temp;

  private Path file(String text) throws IOException {
    return Files.writeString(temp.resolve("forget.txt"), text);
  }

  @ParameterizedTest
  @ValueSource(strings = {"7\n0\n12", "7\r\n0\r\n12\r\n", "7, 0,\t12\n\n", "[7, 0,\n 12]\n"})
  void readsListsOfAnyLayout(String text) throws IOException {
    assertThat(IndexFile.read(file(text))).containsExactly(7, 0, 12);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1;2;x | line 3: 'x' is no sample index",
        "1;-2 | line 2: indices count from 0, found -2",
        "1.5 | line 1: '1.5' is no sample index",
        "[] | holds no index",
      })
  void refuses(String lines, String message) throws IOException {
    assertThatThrownBy(() -> IndexFile.read(file(lines.replace(';', '\n'))))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("forget.txt")
        .hasMessageContaining(message);
  }

  @Test
  void refusesWhatIsNoTextFile() throws IOException {
    Path binary = Files.write(temp.resolve("x.bin"), new byte[] {(byte) 0xff, (byte) 0xfe, 1});
    assertThatThrownBy(() -> IndexFile.read(binary)).hasMessageContaining("x.bin is no text file");
    assertThatThrownBy(() -> IndexFile.read(temp.resolve("no")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("there is no file");
  }
}
