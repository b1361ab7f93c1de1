package dev.lotus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lotus.data.Checksum;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The libraries on the class path are those of .mvn/checksums, byte for byte. Maven from 3.9.4 on
 * compares them, and its plugins, before it uses them; older ones do not look at the list.
 */
class DependencyChecksumTest {
  private static final Path ROOT = Path.of(System.getProperty("lotus.basedir", "."));

  /** GROUP/ARTIFACT/VERSION/ARTIFACT-VERSION[-CLASSIFIER].jar in any repository folder. */
  private static final Pattern IN_REPOSITORY =
      Pattern.compile(".*?/([^/]+)/([^/]+)/(\\1-\\2(?:-[^/]*)?\\.jar)");

  /** By ARTIFACT/VERSION/FILE. */
  private static Map<String, String> known() throws IOException {
    Map<String, String> sums = new LinkedHashMap<>();
    for (String line : Files.readAllLines(ROOT.resolve(".mvn/checksums/checksums.sha256"))) {
      String[] words = line.split(" +");
      String[] path = words[1].split("/");
      sums.put(
          Arrays.stream(path).skip(path.length - 3L).collect(Collectors.joining("/")), words[0]);
    }
    return sums;
  }

  @Test
  void everyLibraryIsTheOneThatWasRecorded() throws IOException {
    // A test started by hand may have other launchers on its class path.
    String classPath = System.getProperty("surefire.test.class.path");
    assumeTrue(classPath != null, "Maven's class path is wanted");
    List<Path> jars =
        Arrays.stream(classPath.split(File.pathSeparator))
            .filter(entry -> entry.endsWith(".jar"))
            .map(Path::of)
            .toList();
    Map<String, String> known = known();
    Map<String, String> expected = new LinkedHashMap<>();
    Map<String, String> found = new LinkedHashMap<>();
    for (Path jar : jars) {
      Matcher name = IN_REPOSITORY.matcher(jar.toString());
      if (name.matches()) {
        String key = String.join("/", name.group(1), name.group(2), name.group(3));
        expected.put(key, known.get(key));
        found.put(key, Checksum.ofFile(jar));
      }
    }
    assertThat(found).hasSizeGreaterThan(20);
    assertThat(expected)
        .as("a version that is new is recorded as docs/decisions/0008-checksums.md says")
        .isEqualTo(found);
  }
}
