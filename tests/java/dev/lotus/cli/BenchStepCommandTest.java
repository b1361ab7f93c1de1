package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** In a process of its own: what this one has called already is not counted any more. */
class BenchStepCommandTest {
  @Test
  void theCallsOfAStepAreCounted(@TempDir Path temp) throws Exception {
    Path log = temp.resolve("log");
    Path json = temp.resolve("step.json");
    Process process =
        OwnJvm.start(
            log,
            List.of(
                "bench",
                "step",
                "--model",
                "resnet20",
                "--width",
                "0.5",
                "--batch",
                "4",
                "--steps",
                "3",
                "--threads",
                "1",
                "--json",
                json.toString()));
    assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(Files.readString(log)).isZero();
    JsonNode records = new ObjectMapper().readTree(json.toFile());
    long cached = records.get(0).path("jni_calls").asLong();
    long run = records.get(1).path("jni_calls").asLong();
    // 65 tensors of weights, each with its gradient cleared and handed to the update; 22 layers.
    assertThat(cached).isBetween(300L, 2000L);
    // The teacher's pass on top.
    assertThat(run).isGreaterThan(cached + 40);
  }
}
