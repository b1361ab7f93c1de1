package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.dist.C10dGroup;
import dev.lotus.dist.Place;
import dev.lotus.report.EpochTrace;
import dev.lotus.report.RunFolder;
import dev.lotus.unlearn.RunCheckpoints;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real processes on this machine, beside one that does the same alone. */
class LaunchCommandTest {
  private static final int SECONDS = 120;

  @TempDir Path temp;

  private final List<Process> started = new ArrayList<>();

  @AfterEach
  void endProcesses() {
    started.forEach(Process::destroyForcibly);
  }

  /** 250 images in batches of 120: the last of 10 leaves a process without a row. */
  @Test
  void twoProcessesTrainAResNetAsOneDoes() throws Exception {
    List<String> words =
        words("train --dataset synthetic --per-class 25 --model resnet20 --width 0.25 --epochs 2")
            .and("--batch 120 --bn-batch 20 --lr 0.01 --augment none --quiet --threads 1");
    assertThat(CommandRun.of(with(words, "one")).status()).isZero();
    assertThat(end(start(Map.of(), launched(words, "two")))).isZero();
    requireSame(1e-5);
  }

  @Test
  void aLostProcessIsNamedAndOneGoesOnAlone() throws Exception {
    List<String> words =
        words("train --dataset synthetic --per-class 25 --model vit_ti_16 --width 0.34 --epochs 20")
            .and("--batch 50 --lr 0.01 --augment none --quiet --threads 1 --checkpoint-seconds 0");
    int port = freePort();
    Process first = rank(0, port, words);
    Process second = rank(1, port, words);
    awaitCheckpoint(first);
    second.destroyForcibly();
    assertThat(end(first)).isEqualTo(C10dGroup.LOST);
    assertThat(Files.readString(temp.resolve("err0")))
        .contains("lotus: rank 1 no longer answers", "sum of ", "--resume");

    List<String> resumed = new ArrayList<>(List.of(with(words, "two")));
    resumed.add("--resume");
    CommandRun run = CommandRun.of(resumed.toArray(new String[0]));
    assertThat(run.status()).as(run.err()).isZero();
    assertThat(run.err()).contains("going on from");
    assertThat(CommandRun.of(with(words, "one")).status()).isZero();
    requireSame(1e-3);
  }

  /** The signal comes to one of them alone, as where a cluster drains a host. */
  @Test
  void allStopAtOneStepWhereOneIsAsked() throws Exception {
    List<String> words =
        words("train --dataset synthetic --per-class 25 --model vit_ti_16 --width 0.34 --epochs 20")
            .and("--batch 50 --lr 0.001 --augment none --quiet --threads 1 --checkpoint-seconds 0");
    int port = freePort();
    Process first = rank(0, port, words);
    Process second = rank(1, port, words);
    awaitCheckpoint(first);
    second.destroy();
    assertThat(end(second)).as(Files.readString(temp.resolve("err1"))).isEqualTo(143);
    assertThat(end(first)).as(Files.readString(temp.resolve("err0"))).isEqualTo(143);
    assertThat(Files.readString(temp.resolve("err0"))).contains("lotus: stopped; ", "--resume");
    assertThat(temp.resolve("two")).isDirectoryContaining("glob:**/checkpoint.safetensors");

    List<String> resumed = new ArrayList<>(List.of(with(words, "two")));
    resumed.add("--resume");
    CommandRun run = CommandRun.of(resumed.toArray(new String[0]));
    assertThat(run.status()).as(run.err()).isZero();
    assertThat(run.err()).contains("going on from");
    assertThat(CommandRun.of(with(words, "one")).status()).isZero();
    requireSame(1e-4);
  }

  private void awaitCheckpoint(Process first) throws Exception {
    long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    while (!RunCheckpoints.existIn(temp.resolve("two"))) {
      assertThat(System.nanoTime()).isLessThan(limit);
      assertThat(first.isAlive()).as(Files.readString(temp.resolve("err0"))).isTrue();
      Thread.sleep(20);
    }
  }

  private void requireSame(double tolerance) {
    double[] one = losses("one");
    double[] two = losses("two");
    assertThat(two).hasSameSizeAs(one);
    for (int epoch = 0; epoch < one.length; epoch++) {
      assertThat(two[epoch]).isCloseTo(one[epoch], within(tolerance * one[epoch]));
    }
  }

  private double[] losses(String name) {
    return new RunFolder(temp.resolve(name))
        .readRun().trace().stream().mapToDouble(EpochTrace::loss).toArray();
  }

  private record Words(List<String> list) {
    List<String> and(String more) {
      List<String> all = new ArrayList<>(list);
      all.addAll(Arrays.asList(more.split(" ")));
      return all;
    }
  }

  private static Words words(String text) {
    return new Words(Arrays.asList(text.split(" ")));
  }

  private String[] with(List<String> words, String out) {
    List<String> all = new ArrayList<>(words);
    all.add("--out");
    all.add(temp.resolve(out).toString());
    return all.toArray(new String[0]);
  }

  private String[] launched(List<String> words, String out) {
    List<String> all = new ArrayList<>(List.of("launch", "-n", "2"));
    all.addAll(List.of("--timeout", String.valueOf(SECONDS)));
    all.addAll(Arrays.asList(with(words, out)));
    return all.toArray(new String[0]);
  }

  private Process rank(int rank, int port, List<String> words) throws IOException {
    Map<String, String> environment =
        Map.of(
            "RANK",
            String.valueOf(rank),
            "WORLD_SIZE",
            "2",
            "MASTER_ADDR",
            "127.0.0.1",
            "MASTER_PORT",
            String.valueOf(port),
            "TORCH_CPP_LOG_LEVEL",
            "FATAL",
            Place.TIMEOUT,
            String.valueOf(SECONDS));
    return start(environment, with(words, "two"));
  }

  private Process start(Map<String, String> environment, String... arguments) throws IOException {
    List<String> line = new ArrayList<>();
    line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    line.addAll(List.of("-XX:+UseSerialGC", "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0"));
    line.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    line.addAll(Arrays.asList(arguments));
    String number = environment.getOrDefault("RANK", "");
    ProcessBuilder builder = new ProcessBuilder(line);
    builder.environment().putAll(environment);
    builder.redirectOutput(temp.resolve("out" + number).toFile());
    builder.redirectError(temp.resolve("err" + number).toFile());
    Process process = builder.start();
    started.add(process);
    return process;
  }

  private int end(Process process) throws Exception {
    assertThat(process.waitFor(SECONDS, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
