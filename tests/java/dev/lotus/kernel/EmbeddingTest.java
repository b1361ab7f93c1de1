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

/** The Java examples of docs/embedding.md, compiled and run as they stand. */
class EmbeddingTest {
  private static final Path ROOT = Path.of(System.getProperty("lotus.basedir", "."));

  @Test
  void theJavaExampleRunsWithoutLibtorch(@TempDir Path folder)
      throws IOException, InterruptedException {
    String classPath = kernelsAndJavacppOnly();
    assertThat(classPath).contains("javacpp").doesNotContain("pytorch");
    String output = run("ForgetOne", classPath, folder);
    Matcher margins =
        Pattern.compile("margin (-?[\\d.]+) before, (-?[\\d.]+) after").matcher(output);
    assertThat(margins.find()).as(output).isTrue();
    // It was sure of the image, and is no longer.
    assertThat(Double.parseDouble(margins.group(1))).isGreaterThan(2);
    assertThat(Double.parseDouble(margins.group(2)))
        .isLessThan(Double.parseDouble(margins.group(1)) / 2);
  }

  /** The engine's example, which the consumer project has, too. */
  @Test
  void theEnginesExampleUnlearns(@TempDir Path folder) throws IOException, InterruptedException {
    String consumer =
        Files.readString(
            ROOT.resolve("tests/consumer/engine/src/main/java/example/UnlearnInProcess.java"));
    assertThat(consumer).endsWith(example("UnlearnInProcess"));
    assertThat(run("UnlearnInProcess", System.getProperty("java.class.path"), folder))
        .containsPattern("epoch 2: loss \\d")
        .containsPattern("unlearned 36 images in 2 epochs: accuracy on them \\d");
  }

  /** The document's program of that name. */
  private static String example(String name) throws IOException {
    Matcher block =
        Pattern.compile("```java\n(.*?)```", Pattern.DOTALL)
            .matcher(Files.readString(ROOT.resolve("docs/embedding.md")));
    while (block.find()) {
      if (block.group(1).contains("class " + name + " ")) {
        return block.group(1);
      }
    }
    throw new AssertionError("docs/embedding.md has no class " + name);
  }

  private static String run(String name, String classPath, Path folder)
      throws IOException, InterruptedException {
    Path source = folder.resolve(name + ".java");
    Files.writeString(source, example(name));
    int compiled =
        ToolProvider.getSystemJavaCompiler()
            .run(null, null, null, "-cp", classPath, "-d", folder.toString(), source.toString());
    assertThat(compiled).isZero();
    Process run =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
                "-cp",
                folder + File.pathSeparator + classPath,
                name)
            .redirectErrorStream(true)
            .start();
    String output = new String(run.getInputStream().readAllBytes());
    assertThat(run.waitFor()).as(output).isZero();
    return output;
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
