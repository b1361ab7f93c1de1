package dev.lotus.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/security.md speaks of what is there. */
class SecurityDocsTest {
  private static final Path ROOT = Path.of(System.getProperty("lotus.basedir", "."));

  private static String document() throws IOException {
    return Files.readString(ROOT.resolve("docs/security.md"));
  }

  @Test
  void itsTableHasEveryParser() throws IOException {
    List<String> rows = new ArrayList<>();
    Matcher row =
        Pattern.compile(
                "^\\| ([a-z][a-z-]+) \\|[^|]*\\|[^|]*\\|[^|]*\\|[^|]*\\|[^|]*\\|$",
                Pattern.MULTILINE)
            .matcher(document());
    while (row.find()) {
      rows.add(row.group(1));
    }
    rows.remove("parser");
    assertThat(rows).containsExactlyElementsOf(FuzzTargets.NAMES);
    assertThat(document()).contains("All " + rows.size() + " parsers");
  }

  @Test
  void theTestsThatItNamesExist() throws IOException {
    List<String> tests = new ArrayList<>();
    Matcher named = Pattern.compile("`([A-Z][A-Za-z]+Test)(?:\\.(\\w+))?`").matcher(document());
    try (var files = Files.walk(ROOT.resolve("tests/java"))) {
      List<Path> sources = files.filter(file -> file.toString().endsWith("Test.java")).toList();
      while (named.find()) {
        String name = named.group(1);
        List<Path> found = sources.stream().filter(file -> file.endsWith(name + ".java")).toList();
        assertThat(found).as(name).hasSize(1);
        if (named.group(2) != null) {
          assertThat(found.get(0)).content().contains("void " + named.group(2) + "(");
        }
        tests.add(name);
      }
    }
    assertThat(tests).hasSizeGreaterThan(10);
  }
}
