package dev.lotus.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.data.Checksum;
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
  void whatAKilledProcessLeftIsRemoved() throws Exception {
    RunFolder run = new RunFolder(folder);
    Files.writeString(folder.resolve(".model.safetensors.123-4.tmp"), "half");
    Files.writeString(folder.resolve(".logits.safetensors.123-5.tmp"), "half");
    Files.writeString(run.run(), "{}");
    run.prepare();
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(run.run());
    }
  }

  @Test
  void theCertifiedSplitGoesWithItsRunUnlessTheNextHasItToo() throws Exception {
    RunFolder run = new RunFolder(folder);
    byte[] split = {1, 2};
    String sha256 = Checksum.ofBytes(split);
    for (String next : new String[] {sha256, "other", null}) {
      Files.write(run.split(), split);
      Files.writeString(run.certificate(), "{\"split_sha256\": \"" + sha256 + "\"}");
      Files.writeString(run.model(), "old");
      run.clear(next);
      assertThat(Files.exists(run.split())).isEqualTo(sha256.equals(next));
      assertThat(run.certificate()).doesNotExist();
      assertThat(run.model()).doesNotExist();
    }
    Files.write(run.split(), split);
    run.clear(null);
    assertThat(run.split()).as("a user's own").exists();
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
