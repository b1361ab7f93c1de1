package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lotus.metric.Metrics;
import dev.lotus.metric.TensorFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code lotus metrics}: what it prints, and how it refuses files that are not sound. */
class MetricsCommandTest {
  @TempDir Path folder;

  private static CommandRun run(Path file, String... more) {
    List<String> args = new ArrayList<>(List.of("metrics", "--logits", file.toString()));
    args.addAll(List.of(more));
    return CommandRun.of(args.toArray(String[]::new));
  }

  private static TensorFile small() {
    return new TensorFile()
        .integers("forget.labels", "U8", 0, 1, 1)
        .matrix("unlearned.forget.logits", "F32", 2, 1, 0, 0, 1, 3, 0);
  }

  @Test
  void jsonHasEveryKeyAndNullForWhatHasNoInput() throws Exception {
    CommandRun run = run(small().write(folder.resolve("a.safetensors")), "--json");
    assertThat(run.status()).isZero();
    assertThat(run.err()).isEmpty();
    JsonNode json = new ObjectMapper().readTree(run.out());
    List<String> keys = new ArrayList<>();
    json.fieldNames().forEachRemaining(keys::add);
    List<String> all = new ArrayList<>(List.of("schema"));
    all.addAll(Metrics.NONE.toMap().keySet());
    assertThat(keys).isEqualTo(all);
    assertThat(json.path("acc_forget").doubleValue()).isEqualTo(2 / 3.0);
    assertThat(json.path("mia").isNull()).isTrue();
    assertThat(json.path("rf_jsd").isNull()).isTrue();
  }

  @Test
  void theTableHasWhatThereIs() throws Exception {
    TensorFile file =
        small().matrix("retrained.forget.probs", "F64", 2, .5f, .5f, .5f, .5f, .5f, .5f);
    CommandRun run =
        run(file.matrix("unlearned.froget.logits", "F32", 1, 1).write(folder.resolve("a.st")));
    assertThat(run.status()).isZero();
    assertThat(run.out().lines().map(line -> line.split(" +")[0]))
        .containsExactly("", "acc_forget", "jsd", "jsd_upstream", "jsd_bt");
    assertThat(run.out()).contains("retrained").contains("0.333333");
    assertThat(run.err())
        .contains("note: ", "a.st: tensor unlearned.froget.logits is none that a metric reads");
  }

  static Stream<Arguments> unsound() {
    return Stream.of(
        bad("[1][1] = NaN is no logit", f -> f.matrix("val.x", "F32", 1, 1), Float.NaN),
        bad("[1][1] = Infinity is no logit", f -> {}, Float.POSITIVE_INFINITY),
        bad("[1] is -Infinity throughout", f -> {}, Float.NEGATIVE_INFINITY),
        named(
            "retrained.forget.probs[0][1] = -0.5 is no probability",
            f -> f.matrix("retrained.forget.probs", "F32", 2, 1, -.5f, 1, 0, 1, 0)),
        named(
            "retrained.forget.probs[2] is 0.0 throughout",
            f -> f.matrix("retrained.forget.probs", "F32", 2, 1, 0, 1, 0, 0, 0)),
        named(
            "val.labels[1] = 2 is not between 0 and 1",
            f ->
                f.integers("val.labels", "I32", 0, 2)
                    .matrix("unlearned.val.logits", "F32", 2, 1, 2, 3, 4)),
        named(
            "val.labels[0] = -1 is not between 0 and 1",
            f ->
                f.integers("val.labels", "I64", -1, 0)
                    .matrix("unlearned.val.logits", "F32", 2, 1, 2, 3, 4)),
        named(
            "val.labels has 3 values, unlearned.val.logits has 2 rows",
            f ->
                f.integers("val.labels", "U8", 0, 0, 0)
                    .matrix("unlearned.val.logits", "F32", 2, 1, 2, 3, 4)),
        named(
            "val.labels has type F32",
            f ->
                f.add("val.labels", dev.lotus.data.SafetensorsHeader.DType.F32, new byte[8], 2)
                    .matrix("unlearned.val.logits", "F32", 2, 1, 2, 3, 4)),
        named(
            "unlearned.val.logits has type I64",
            f ->
                f.add(
                    "unlearned.val.logits",
                    dev.lotus.data.SafetensorsHeader.DType.I64,
                    new byte[8],
                    1,
                    1)),
        named(
            "unlearned.val.logits has shape [4]",
            f ->
                f.add(
                    "unlearned.val.logits",
                    dev.lotus.data.SafetensorsHeader.DType.F32,
                    new byte[16],
                    4)),
        named(
            "unlearned.val.logits has shape [0, 3]",
            f ->
                f.add(
                    "unlearned.val.logits",
                    dev.lotus.data.SafetensorsHeader.DType.F32,
                    new byte[0],
                    0,
                    3)),
        named(
            "unlearned.forget.logits stands beside unlearned.forget.probs",
            f -> f.matrix("unlearned.forget.probs", "F32", 2, 1, 2, 3, 4)),
        named(
            "unlearned.forget.logits is 3 x 2, retrained.forget.logits 3 x 3",
            f -> f.matrix("retrained.forget.logits", "F32", 3, 1, 2, 3, 4, 5, 6, 7, 8, 9)),
        named(
            "shadow.0.test.logits is missing",
            f ->
                f.matrix("shadow.0.forget.logits", "F32", 2, 1, 2, 3, 4, 5, 6)
                    .integers("shadow.0.forget.member", "U8", 0, 1, 0)),
        named(
            "shadow.0.forget.member is missing",
            f -> f.matrix("shadow.0.forget.logits", "F32", 2, 1, 2, 3, 4, 5, 6)),
        named(
            "forgetting score: 1 unlearned and 0 retrained models",
            f -> f.matrix("unlearned.0.forget.logits", "F32", 2, 1, 2, 3, 4, 5, 6)));
  }

  private static Arguments bad(String message, Consumer<TensorFile> more, float value) {
    return named(
        "unlearned.val.logits" + message,
        f -> {
          more.accept(f);
          f.matrix(
              "unlearned.val.logits",
              "F32",
              2,
              1,
              2,
              value == Float.NEGATIVE_INFINITY ? value : 3,
              value);
        });
  }

  private static Arguments named(String message, Consumer<TensorFile> more) {
    return Arguments.of(message, more);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("unsound")
  void whatIsNotSoundIsRefusedWithFileTensorAndValue(String message, Consumer<TensorFile> more)
      throws Exception {
    TensorFile file = small();
    more.accept(file);
    CommandRun run = run(file.write(folder.resolve("bad.safetensors")), "--json");
    assertThat(run.status()).as(run.err()).isEqualTo(2);
    assertThat(run.out()).isEmpty();
    assertThat(run.err()).contains("bad.safetensors: ").contains(message);
    assertThat(run.err().lines()).hasSize(1);
  }

  @Test
  void halfPrecisionIsReadBitByBit() throws Exception {
    // binary16 and bfloat16 of 1, -2, 65504 or 3.4e38, and the smallest subnormal.
    for (String type : new String[] {"F16", "BF16"}) {
      float[] bits =
          type.equals("F16")
              ? new float[] {0x3C00, 0xC000, 0x7BFF, 0x0001}
              : new float[] {0x3F80, 0xC000, 0x7F7F, 0x0001};
      double[] expected =
          type.equals("F16")
              ? new double[] {1, -2, 65504, 0x1p-24}
              : new double[] {1, -2, 0x1.FEp127, 0x1p-133};
      Path file =
          new TensorFile()
              .matrix("unlearned.forget.logits", type, 2, bits)
              .write(folder.resolve(type));
      double[] read = new double[4];
      try (dev.lotus.metric.StoredLogits stored = dev.lotus.metric.StoredLogits.open(file)) {
        stored.forEachRow(
            "unlearned.forget", (row, values) -> System.arraycopy(values, 0, read, 2 * row, 2));
      }
      assertThat(read).isEqualTo(expected);
    }
  }

  @Test
  void filesThatAreNoneAreRefused() throws Exception {
    Path empty = new TensorFile().write(folder.resolve("empty"));
    assertThat(run(empty).err()).contains("empty: holds nothing to compute a metric from");
    assertThat(run(folder.resolve("none")).err()).contains("none: no such file");
    assertThat(run(folder).status()).isEqualTo(2);
    Path text = Files.writeString(folder.resolve("text"), "no safetensors at all");
    assertThat(run(text).status()).isEqualTo(2);
    assertThat(run(text).err()).contains("text: header length");
    byte[] whole = Files.readAllBytes(small().write(folder.resolve("cut")));
    for (int length : new int[] {0, 7, 9, 60, whole.length - 1}) {
      Files.write(folder.resolve("cut"), java.util.Arrays.copyOf(whole, length));
      CommandRun run = run(folder.resolve("cut"));
      assertThat(run.status()).as(length + ": " + run.err()).isEqualTo(2);
      assertThat(run.err()).contains("cut: ");
    }
  }
}
