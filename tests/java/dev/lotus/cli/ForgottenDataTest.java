package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an unlearning leaves of the forget set: in caches, run folders, logs, temporary files. */
class ForgottenDataTest {
  private static final int CLASSES = 2;
  private static final int IMAGES = 8;
  private static final int SIDE = 16;
  private static final int HEADER = 128;
  private static final long ERASED = 1L << 33;

  @TempDir static Path temp;
  private static Path split;
  private static Path original;
  private Path cache;

  @BeforeAll
  static void train() throws IOException {
    Random random = new Random(1);
    for (int i = 0; i < CLASSES * IMAGES; i++) {
      BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
      image.setRGB(0, 0, SIDE, SIDE, random.ints(SIDE * SIDE).toArray(), 0, SIDE);
      Path folder = Files.createDirectories(temp.resolve(data(i)));
      ImageIO.write(image, "png", folder.resolve(i + ".png").toFile());
    }
    split = temp.resolve("split.json");
    original = temp.resolve("original");
    CommandRun.done(on("split", "--forget-fraction", "0.3", "--out", split.toString()));
    CommandRun.done(
        on(
            "train",
            "--model",
            "resnet20",
            "--width",
            "0.25",
            "--epochs",
            "1",
            "--quiet",
            "--out",
            original.toString()));
  }

  /** A quarter of them are held out. */
  private static String data(int image) {
    return "data/" + (image % 8 < 2 ? "val" : "train") + "/class" + image % CLASSES;
  }

  /** Each test's own, filled by a run over all images. */
  @BeforeEach
  void fill() throws IOException {
    cache = Files.createTempDirectory(temp, "cache");
    assertThat(unlearn("--keep-cache")).isZero();
    assertThat(erased()).isEmpty();
  }

  private static String[] on(String command, String... options) {
    List<String> all = new ArrayList<>(List.of(command, "--dataset", "image-folder"));
    all.addAll(List.of("--data", temp.resolve("data").toString()));
    all.addAll(List.of("--image-size", String.valueOf(SIDE)));
    all.addAll(List.of(options));
    return all.toArray(String[]::new);
  }

  private String[] unlearning(String... options) {
    List<String> all = new ArrayList<>(List.of("--method", "neggrad+"));
    all.addAll(List.of("--original", original.toString(), "--split", split.toString()));
    all.addAll(List.of("--cache", cache.toString()));
    all.addAll(List.of(options));
    return on("unlearn", all.toArray(String[]::new));
  }

  private int unlearn(String... options) throws IOException {
    List<String> all = new ArrayList<>(List.of("--quiet", "--epochs", "1"));
    all.addAll(List.of("--out", Files.createTempDirectory(temp, "out").toString()));
    all.addAll(List.of(options));
    return CommandRun.of(unlearning(all.toArray(String[]::new))).status();
  }

  private ByteBuffer cached() throws IOException {
    Path file;
    try (Stream<Path> files = Files.list(cache)) {
      file = files.filter(f -> f.toString().contains(".train.")).findFirst().orElseThrow();
    }
    return ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Indices whose word says so; of those no pixel may be left. */
  private List<Integer> erased() throws IOException {
    ByteBuffer bytes = cached();
    int pixels = 3 * SIDE * SIDE;
    int images = (bytes.capacity() - HEADER) / (pixels + 8);
    List<Integer> erased =
        IntStream.range(0, images)
            .filter(i -> (bytes.getLong(HEADER + 8 * i) & ERASED) != 0)
            .boxed()
            .toList();
    for (int i : erased) {
      int from = HEADER + 8 * images + i * pixels;
      assertThat(IntStream.range(from, from + pixels).allMatch(at -> bytes.get(at) == 0)).isTrue();
    }
    return erased;
  }

  private static List<Integer> forget() throws IOException {
    List<Integer> indices = new ArrayList<>();
    new ObjectMapper()
        .readTree(split.toFile())
        .path("forget")
        .forEach(index -> indices.add(index.intValue()));
    return indices;
  }

  @Test
  void aRunErasesWhatIsForgotten() throws IOException {
    assertThat(unlearn()).isZero();
    assertThat(erased()).isNotEmpty().containsExactlyElementsOf(forget());
  }

  @Test
  void aRunThatFailsErasesItToo() throws IOException {
    assertThat(unlearn("--save-layout", "timm")).isNotZero();
    assertThat(erased()).isNotEmpty().containsExactlyElementsOf(forget());
  }

  /** Texts that give a forgotten sample away: any image's name, and a row of its pixels. */
  private List<String> signs() throws IOException {
    List<String> signs = new ArrayList<>();
    for (int i = 0; i < CLASSES * IMAGES; i++) {
      signs.add("/" + i + ".png");
    }
    byte[] bytes = cached().array();
    int pixels = 3 * SIDE * SIDE;
    int images = (bytes.length - HEADER) / (pixels + 8);
    for (int i : forget()) {
      int row = HEADER + 8 * images + i * pixels + SIDE;
      signs.add(new String(bytes, row, SIDE, StandardCharsets.ISO_8859_1));
    }
    return signs;
  }

  private static void requireNone(List<String> signs, Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String text = Files.readString(file, StandardCharsets.ISO_8859_1);
        assertThat(signs).as(file.toString()).noneMatch(text::contains);
      }
    }
  }

  /** As users start it: lines on how far it is, and the system's folder for temporary files. */
  @Test
  void noNameAndNoPixelIsLeftInTheRunFolderItsLogOrTemporaryFiles() throws Exception {
    List<String> signs = signs();
    assertThat(signs).hasSize(CLASSES * IMAGES + forget().size());
    Path out = Files.createTempDirectory(temp, "out");
    Path logs = Files.createTempDirectory(temp, "logs");
    Path temporary = Files.createTempDirectory(temp, "temporary");
    Process process =
        OwnJvm.start(
            logs.resolve("log"),
            List.of(unlearning("--epochs", "2", "--out", out.toString())),
            "env",
            "TMPDIR=" + temporary,
            "JAVA_TOOL_OPTIONS=-Djava.io.tmpdir=" + temporary);
    assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(Files.readString(logs.resolve("log"))).isZero();
    assertThat(logs.resolve("log")).content().contains("2 epochs");
    assertThat(out.resolve("certificate.json")).exists();
    assertThat(temporary).isEmptyDirectory();
    requireNone(signs, out);
    requireNone(signs, logs);
    assertThat(erased()).containsExactlyElementsOf(forget());
  }

  /** What it was stopped with stays for --resume: weights, no image. */
  @Test
  void aRunThatIsStoppedErasesItToo() throws Exception {
    List<String> signs = signs();
    Path out = Files.createTempDirectory(temp, "out");
    Path logs = Files.createTempDirectory(temp, "logs");
    Path log = logs.resolve("log");
    Process process =
        OwnJvm.start(
            log,
            List.of(
                unlearning(
                    "--epochs", "5000", "--checkpoint-seconds", "0", "--out", out.toString())));
    Path checkpoint = out.resolve("checkpoint.safetensors");
    for (int asked = 0; !Files.exists(checkpoint) && asked < 2400; asked++) {
      Thread.sleep(50);
    }
    process.destroy();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    String said = Files.readString(log);
    assertThat(process.exitValue()).as(said).isEqualTo(143);
    assertThat(checkpoint).exists();
    requireNone(signs, out);
    requireNone(signs, logs);
    // Between two epochs the process ends at once: the cache is then the next run's to erase.
    if (said.contains("stopping after this step")) {
      assertThat(erased()).containsExactlyElementsOf(forget());
    }
  }
}
