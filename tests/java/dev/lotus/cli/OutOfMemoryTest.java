package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.lotus.device.TorchRuntime;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

class OutOfMemoryTest {
  /** The allocator's own words, for 4 PiB. */
  @Test
  void isNoInternalError() {
    TorchRuntime.load(1);
    Throwable error;
    try (PointerScope scope = new PointerScope()) {
      error = catchThrowable(() -> torch.empty(1L << 50));
    }
    assertThat(said(error))
        .startsWith("lotus: out of memory: ")
        .contains("4503599627370496 bytes", "--batch")
        .hasLineCount(1);
  }

  @Test
  void ofJavasHeapSaysWhatToGive() {
    assertThat(said(new OutOfMemoryError("Java heap space")))
        .isEqualTo(
            "lotus: out of memory for Java's own objects (Java heap space): give it more, as"
                + " LOTUS_JAVA_OPTS=-Xmx8g\n");
  }

  private static String said(Throwable error) {
    PrintStream before = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    try {
      assertThat(ErrorReport.of(error, false)).isEqualTo(2);
    } finally {
      System.setErr(before);
    }
    return said.toString(StandardCharsets.UTF_8);
  }
}
