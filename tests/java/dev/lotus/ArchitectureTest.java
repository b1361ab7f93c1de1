package dev.lotus;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The tree's borders: stages import only earlier stages, files stay readable, the README's map is
 * true.
 */
class ArchitectureTest {
  private static final Path ROOT = Path.of(System.getProperty("lotus.basedir", "."));

  /**
   * Stages in the order of the flow; unlearn drives, bench measures, cli is on top. Beneath them
   * lie the libraries that serve all.
   */
  private static final List<String> FLOW =
      List.of(
          "data",
          "load",
          "backbone",
          "optim",
          "metric",
          "report",
          "track",
          "unlearn",
          "bench",
          "experiment",
          "cli");

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.lotus");

  @Test
  void noPackageImportsAgainstTheFlow() {
    for (int stage = 0; stage < FLOW.size() - 1; stage++) {
      String[] later =
          FLOW.subList(stage + 1, FLOW.size()).stream()
              .map(p -> "dev.lotus." + p + "..")
              .toArray(String[]::new);
      noClasses()
          .that()
          .resideInAPackage("dev.lotus." + FLOW.get(stage) + "..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(later)
          .check(CLASSES);
    }
    noClasses()
        .that()
        .resideInAnyPackage("dev.lotus.device..", "dev.lotus.kernel..", "dev.lotus.dist..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(FLOW.stream().map(p -> "dev.lotus." + p + "..").toArray(String[]::new))
        .check(CLASSES);
    noClasses()
        .that()
        .resideInAPackage("dev.lotus.device..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.lotus.kernel..", "dev.lotus.dist..")
        .check(CLASSES);
    noClasses()
        .that()
        .resideInAPackage("dev.lotus.kernel..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.lotus.dist..")
        .check(CLASSES);
  }

  @Test
  void kernelsDataMetricsAndReportsKnowNoLibtorch() {
    noClasses()
        .that()
        .resideInAnyPackage(
            "dev.lotus.data..",
            "dev.lotus.kernel..",
            "dev.lotus.metric..",
            "dev.lotus.report..",
            "dev.lotus.track..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.bytedeco.pytorch..")
        .check(CLASSES);
  }

  @Test
  void nativeSourcesKnowNoFramework() throws IOException {
    for (Path source : sources("src/main/cpp", "src/main/cuda")) {
      assertThat(Files.readString(source))
          .as(source.toString())
          .doesNotContain("torch/", "ATen/", "c10/");
    }
  }

  @Test
  void filesStayWithin400Lines() throws IOException {
    List<String> long_ = new ArrayList<>();
    for (Path source : sources("src", "tests/java", "tests/native", "tests/bench")) {
      long lines;
      try (Stream<String> all = Files.lines(source)) {
        lines = all.count();
      }
      if (lines > 400) {
        long_.add(source + ": " + lines);
      }
    }
    assertThat(long_).isEmpty();
    assertThat(Files.readAllLines(ROOT.resolve("src/main/java/dev/lotus/cli/Main.java")))
        .hasSizeLessThanOrEqualTo(80);
    assertThat(Files.readAllLines(ROOT.resolve("src/main/java/dev/lotus/unlearn/UnlearnLoop.java")))
        .hasSizeLessThanOrEqualTo(150);
  }

  /** Every path in backticks in the README and the docs that looks like one of ours must exist. */
  @Test
  void documentsNameOnlyWhatExists() throws IOException {
    Pattern path = Pattern.compile("`((?:src|tests|docs|cmake|config|\\.ci)/[\\w./-]*)`");
    List<String> missing = new ArrayList<>();
    for (Path document : documents()) {
      Matcher matcher = path.matcher(Files.readString(document));
      while (matcher.find()) {
        if (!Files.exists(ROOT.resolve(matcher.group(1)))) {
          missing.add(ROOT.relativize(document) + " names " + matcher.group(1));
        }
      }
    }
    assertThat(missing).isEmpty();
  }

  /**
   * A line of docs/fidelity.md that says it is pinned names the test that does: `Class.method` or
   * `Class`.
   */
  @Test
  void documentsNameOnlyTestsThatExist() throws IOException {
    Pattern test = Pattern.compile("`(\\w+Test)(?:\\.(\\w+))?`");
    List<Path> tests = sources("tests/java");
    List<String> missing = new ArrayList<>();
    int named = 0;
    for (Path document : documents()) {
      Matcher matcher = test.matcher(Files.readString(document));
      while (matcher.find()) {
        named++;
        String file = matcher.group(1) + ".java";
        Path source =
            tests.stream()
                .filter(p -> p.getFileName().toString().equals(file))
                .findFirst()
                .orElse(null);
        if (source == null
            || (matcher.group(2) != null
                && !Files.readString(source).contains("void " + matcher.group(2) + "("))) {
          missing.add(ROOT.relativize(document) + " names " + matcher.group());
        }
      }
    }
    assertThat(missing).isEmpty();
    assertThat(named).isGreaterThan(10);
  }

  private static List<Path> documents() throws IOException {
    List<Path> documents =
        new ArrayList<>(List.of(ROOT.resolve("README.md"), ROOT.resolve("CONTRIBUTING.md")));
    try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
      docs.filter(p -> p.toString().endsWith(".md")).forEach(documents::add);
    }
    return documents;
  }

  private static List<Path> sources(String... folders) throws IOException {
    List<Path> all = new ArrayList<>();
    for (String folder : folders) {
      try (Stream<Path> walk = Files.walk(ROOT.resolve(folder))) {
        walk.filter(p -> p.toString().matches(".*\\.(java|cpp|h|cu|cuh|c)")).forEach(all::add);
      }
    }
    assertThat(all).isNotEmpty();
    return all;
  }
}
