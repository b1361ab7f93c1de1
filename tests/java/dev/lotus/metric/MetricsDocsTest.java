package dev.lotus.metric;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/metrics.md and README.md speak of the keys that metrics.json has. */
class MetricsDocsTest {
  private static final Path ROOT = Path.of(System.getProperty("lotus.basedir", "."));

  @Test
  void everyKeyIsDefinedInTheOrderOfTheFile() throws Exception {
    List<String> documented = new ArrayList<>();
    Matcher row =
        Pattern.compile("^\\| `(\\w+)` \\|([^|]+)\\|([^|]+)\\|[^|]*\\|[^|]*\\|$", Pattern.MULTILINE)
            .matcher(Files.readString(ROOT.resolve("docs/metrics.md")));
    while (row.find()) {
      documented.add(row.group(1));
      assertThat(row.group(3)).as(row.group(1) + "'s range").isNotBlank();
    }
    assertThat(documented).containsExactlyElementsOf(Metrics.NONE.toMap().keySet());
  }

  @Test
  void theSchemaIsTheDocumentedOne() throws Exception {
    assertThat(Files.readString(ROOT.resolve("docs/metrics.md")))
        .contains("schema " + Metrics.SCHEMA + ":")
        .contains("min(0.5, gold's) - " + LossAttack.MARGIN)
        .contains("fewer than " + ShadowModel.ENOUGH + " ");
  }

  @Test
  void theReadmeNamesEveryKey() throws Exception {
    String readme = Files.readString(ROOT.resolve("README.md"));
    for (String key : Metrics.NONE.toMap().keySet()) {
      assertThat(readme).contains("`" + key + "`");
    }
  }
}
