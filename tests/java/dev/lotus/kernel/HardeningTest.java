package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The native libraries are linked and compiled as docs/security.md says. */
class HardeningTest {
  @TempDir Path temp;

  private static String readelf(Path library) throws IOException {
    Process process =
        new ProcessBuilder("readelf", "-lWd", "--dyn-syms", library.toString())
            .redirectErrorStream(true)
            .start();
    try (InputStream said = process.getInputStream()) {
      return new String(said.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static boolean present(String program) {
    return Stream.of(System.getenv("PATH").split(":"))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"liblotus.so", "liblotus_cuda.so", "libjniLotus.so"})
  void hasItsMarks(String name) throws IOException {
    assumeTrue(present("readelf"), "readelf is wanted (binutils)");
    Path library = temp.resolve(name);
    try (InputStream in =
        Kernels.class.getResourceAsStream("binding/linux-x86_64/" + library.getFileName())) {
      assumeTrue(in != null, name + " was not built");
      Files.copy(in, library);
    }
    String elf = readelf(library);
    assertThat(elf).contains("GNU_RELRO").containsPattern("FLAGS_1.*NOW");
    // Of the stack's flags: read and write, not execute.
    assertThat(elf).containsPattern("GNU_STACK.* RW +0x");
    assertThat(elf).contains("__stack_chk_fail");
    // What writes text is _FORTIFY_SOURCE's form of it, which knows the buffer's size.
    assertThat(elf).doesNotContainPattern(" v?f?s?n?printf@");
    // No library is looked for where this one was built.
    assertThat(elf).doesNotContainPattern("R(UN)?PATH.*[\\[:]/");
  }
}
