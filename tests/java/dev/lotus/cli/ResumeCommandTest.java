package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real processes that are killed, stopped, or run out of room, and what --resume makes of it. */
class ResumeCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String CHECKPOINT = "checkpoint.safetensors";
  private static final String PREVIOUS = "checkpoint.previous.safetensors";

  @TempDir static Path temp;

  private static List<String> train(Path out, String... more) {
    List<String> args =
        new ArrayList<>(
            List.of(
                "train",
                "--dataset",
                "synthetic",
                "--per-class",
                "10",
                "--model",
                "resnet20",
                "--width",
                "0.25",
                "--epochs",
                "3",
                "--batch",
                "16",
                "--threads",
                "1",
                "--quiet",
                "--out",
                out.toString()));
    args.addAll(List.of(more));
    return args;
  }

  private static CommandRun here(List<String> args) {
    return CommandRun.of(args.toArray(String[]::new));
  }

  private static void awaitFile(Path file, Process process) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
    while (!Files.exists(file) && process.isAlive() && System.nanoTime() < deadline) {
      Thread.sleep(5);
    }
  }

  /** run.json without what time and place decide. */
  private static JsonNode timeless(Path run) throws IOException {
    ObjectNode json = (ObjectNode) JSON.readTree(run.resolve("run.json").toFile());
    json.remove("phase_seconds");
    for (JsonNode epoch : (ArrayNode) json.path("trace")) {
      ((ObjectNode) epoch).remove("seconds");
    }
    ((ObjectNode) json.path("configuration")).remove("out");
    return json;
  }

  private static void requireEqual(Path run, Path undisturbed) throws IOException {
    assertThat(run.resolve("model.safetensors"))
        .hasSameBinaryContentAs(undisturbed.resolve("model.safetensors"));
    assertThat(timeless(run)).isEqualTo(timeless(undisturbed));
    try (Stream<Path> files = Files.list(run)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .doesNotContain(CHECKPOINT, PREVIOUS)
          .noneMatch(name -> name.endsWith(".tmp"));
    }
  }

  @Test
  void killedAndStoppedItEndsInTheSameBits() throws Exception {
    Path undisturbed = temp.resolve("undisturbed");
    assertThat(here(train(undisturbed)).status()).isZero();
    Path out = temp.resolve("killed");
    List<String> resumed = train(out, "--checkpoint-seconds", "0", "--resume");
    Path log = temp.resolve("killed.log");
    long seed = System.nanoTime();
    Process killed = OwnJvm.start(log, resumed);
    awaitFile(out.resolve(CHECKPOINT), killed);
    Thread.sleep(new Random(seed).nextInt(150));
    killed.destroyForcibly();
    assertThat(killed.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(out.resolve(CHECKPOINT)).exists();

    CommandRun withoutResume = here(train(out));
    assertThat(withoutResume.status()).isEqualTo(2);
    assertThat(withoutResume.err()).contains("holds the checkpoint of an interrupted run");
    CommandRun other = here(train(out, "--resume", "--lr", "0.2"));
    assertThat(other.status()).isEqualTo(2);
    assertThat(other.err()).contains("is of another run: --lr was 0.1, is 0.2");

    // A file that the next checkpoint replaces says that the stopped process is under way.
    Files.deleteIfExists(out.resolve(PREVIOUS));
    Process stopped = OwnJvm.start(log, resumed);
    awaitFile(out.resolve(PREVIOUS), stopped);
    stopped.destroy();
    assertThat(stopped.waitFor(60, TimeUnit.SECONDS)).isTrue();
    String said = Files.readString(log);
    if (stopped.exitValue() != 0) { // it may just have finished
      assertThat(stopped.exitValue()).as(said).isEqualTo(143);
      assertThat(said).contains("going on from", "stopped; ", "--resume");
    }
    // The batch that the run began with, not the one that would fit now.
    List<String> auto = new ArrayList<>(resumed);
    auto.set(auto.indexOf("--batch") + 1, "auto");
    CommandRun last = here(auto);
    assertThat(last.status()).as("seed " + seed + ": " + last.err()).isZero();
    requireEqual(out, undisturbed);
    assertThat(here(resumed).err()).contains("the run is finished");
  }

  /** A limit on files' sizes stands for a full disk: the same exception from the same call. */
  @Test
  void withoutRoomTheRunGoesOnAndSaysSo() throws Exception {
    Path out = temp.resolve("full");
    Path log = temp.resolve("full.log");
    // 64 KiB: less than the checkpoint and less than the model.
    Process limited =
        OwnJvm.start(
            log,
            train(out, "--checkpoint-seconds", "0"),
            "bash",
            "-c",
            "ulimit -f 64; exec \"$@\"",
            "bash");
    assertThat(limited.waitFor(120, TimeUnit.SECONDS)).isTrue();
    String said = Files.readString(log);
    assertThat(limited.exitValue()).as(said).isEqualTo(2);
    assertThat(said)
        .contains("note: no checkpoint of the end of epoch 1: cannot write")
        .contains("note: no checkpoint of the end of epoch 3: cannot write")
        .contains("File too large");
    try (Stream<Path> files = Files.list(out)) {
      assertThat(files).isEmpty();
    }
  }
}
