package dev.lotus.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import dev.lotus.device.ResultException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {
  @TempDir Path folder;

  private static RunRecord record(List<EpochTrace> trace) {
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("name", "resnet18");
    model.put("classes", 10);
    model.put("width", 0.25);
    Map<String, String> configuration = new LinkedHashMap<>();
    configuration.put("lr", "0.0001");
    configuration.put("alpha", "8");
    return new RunRecord(
        1,
        "unlearn",
        "lotus",
        3407,
        "cpu",
        model,
        "cifar10",
        configuration,
        Map.of("lotus", "0.1.0"),
        "ab",
        null,
        "cd",
        Map.of("threads", "2"),
        null,
        trace);
  }

  @Test
  void writesAndReadsARun() throws Exception {
    RunFolder run = new RunFolder(folder.resolve("new"));
    assertThat(run.isRun()).isFalse();
    RunRecord written =
        record(
            List.of(
                new EpochTrace(1, Math.exp(0.1), 0.99, 0.9, 1 / 3.0, 2.5),
                new EpochTrace(2, null, null, null, null, null)));
    run.write(written);
    run.write(Samples.lotus().metrics());
    run.write(Samples.demo());
    assertThat(run.isRun()).isTrue();
    assertThat(run.readRun()).isEqualTo(written);
    assertThat(run.readMetrics()).isEqualTo(Samples.lotus().metrics());
    assertThat(Files.readString(run.report())).isEqualTo(HtmlReport.render(Samples.demo()));
    String text = Files.readString(run.run());
    assertThat(text)
        .startsWith("{\n  \"schema\" : 1,\n  \"command\" : \"unlearn\",")
        .endsWith("}\n");
    assertThat(text)
        .containsSubsequence(
            "\"lr\"", "\"alpha\"", "\"trace\"", "\"tau\"", "\"acc_forget\"", "\"acc_unseen\"");
    try (var files = Files.list(run.path())) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder("run.json", "metrics.json", "report.html");
    }
  }

  @Test
  void refusesNumbersJsonHasNoWordFor() {
    RunFolder run = new RunFolder(folder);
    assertThatThrownBy(
            () -> run.write(record(List.of(new EpochTrace(3, 1.0, 1.0, 1.0, Double.NaN, 1.0)))))
        .isInstanceOf(ResultException.class)
        .hasMessageContaining("trace[0].loss is NaN");
    assertThat(run.run()).doesNotExist();
    assertThatThrownBy(() -> Json.bytes(new float[] {1, Float.POSITIVE_INFINITY}))
        .isInstanceOf(ResultException.class)
        .hasMessageContaining("[1] is Infinity");
  }

  @Test
  void malformedRunsAreNamed() throws Exception {
    RunFolder run = new RunFolder(folder);
    assertThatThrownBy(run::readRun)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("run.json");
    for (String bad :
        new String[] {
          "", "{", "null", "[]", "{\"schema\": \"1\"}", "{\"schema\": 1, \"trace\": 3}"
        }) {
      Files.writeString(run.run(), bad);
      assertThatThrownBy(run::readRun)
          .as(bad)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("run.json")
          .hasMessageNotContaining("\n");
    }
    Files.writeString(run.run(), "{\"schema\": 2}");
    assertThatThrownBy(run::readRun)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("schema 2");
    Files.writeString(run.run(), "{\"schema\": 1, \"from_the_future\": {}}");
    assertThat(run.readRun().trace()).isEmpty();
  }
}
