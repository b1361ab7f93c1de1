package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java example of docs/embedding.md, compiled and run as it stands, libtorch out of reach. */
class EmbeddingTest {
  private static final Path ROOT = Path.of(System.getProperty("lotus.basedir", "."));

  @Test
  void theJavaExampleRunsWithoutLibtorch(@TempDir Path folder)
      throws IOException, InterruptedException {
    Matcher block =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(ROOT.resolve("docs/embedding.md")));
    assertThat(block.find()).isTrue();
    Path source = folder.resolve("ForgetOne.java");
    Files.writeString(source, block.group(1));

    String classPath = kernelsAndJavacppOnly();
    assertThat(classPath).contains("javacpp").doesNotContain("pytorch");
    int compiled =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, "-cp", classPath, "-d", folder.toString(), source.toString());
    assertThat(compiled).isZero();

    Process run =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                folder + File.pathSeparator + classPath,
                "ForgetOne")
            .redirectErrorStream(true)
            .start();
    String output = new String(run.getInputStream().readAllBytes());
    assertThat(run.waitFor()).as(output).isZero();
    Matcher margins =
        Pattern.compile("margin (-?[\\d.]+) before, (-?[\\d.]+) after").matcher(output);
    assertThat(margins.find()).as(output).isTrue();
    // It was sure of the image, and is no longer.
    assertThat(Double.parseDouble(margins.group(1))).isGreaterThan(2);
    assertThat(Double.parseDouble(margins.group(2)))
        .isLessThan(Double.parseDouble(margins.group(1)) / 2);
  }

  /** What the document tells a user to put there: the classes, JavaCPP and its native part. */
  private static String kernelsAndJavacppOnly() {
    List<String> entries =
        Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
            .filter(
                e ->
                    e.endsWith("target/classes")
                        || Path.of(e).getFileName().toString().startsWith("javacpp-"))
            .toList();
    return entries.stream().collect(Collectors.joining(File.pathSeparator));
  }
}
