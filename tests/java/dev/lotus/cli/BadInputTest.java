package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.backbone.Checkpoint;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.TorchRuntime;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every kind of bad input: exit 2, one line that names what was wrong and where, nothing half
 * written.
 */
class BadInputTest {
  @TempDir static Path temp;
  private static Path split;
  private static Path model;

  @BeforeAll
  static void makeGoodInput() {
    TorchRuntime.load(1);
    split = temp.resolve("split.json");
    assertThat(
            CommandRun.of(
                    "split",
                    "--dataset",
                    "synthetic",
                    "--forget-fraction",
                    "0.1",
                    "--out",
                    split.toString())
                .status())
        .isZero();
    model = temp.resolve("model.safetensors");
    save(model, 10, false);
  }

  private static void save(Path file, int classes, boolean nan) {
    try (Backbone backbone = Backbones.create(new Arch("resnet20", classes, 3, 0.5, 32))) {
      backbone.initialise(1);
      if (nan) {
        try (org.bytedeco.pytorch.NoGradGuard noGrad = new org.bytedeco.pytorch.NoGradGuard()) {
          backbone.parameters().get(0).fill_(new Scalar(Float.NaN));
        }
      }
      Checkpoint.save(file, backbone);
    }
  }

  /** Runs {@code lotus unlearn} with some options changed. */
  private static CommandRun unlearn(String... changes) {
    List<String> args =
        new ArrayList<>(
            List.of(
                "unlearn",
                "--method",
                "lotus",
                "--original",
                model.toString(),
                "--dataset",
                "synthetic",
                "--split",
                split.toString(),
                "--epochs",
                "1",
                "--threads",
                "1",
                "--quiet",
                "--out",
                temp.resolve("never").toString()));
    for (int i = 0; i < changes.length; i += 2) {
      int at = args.indexOf(changes[i]);
      if (at >= 0) {
        args.set(at + 1, changes[i + 1]);
      } else {
        args.addAll(List.of(changes[i], changes[i + 1]));
      }
    }
    return CommandRun.of(args.toArray(String[]::new));
  }

  private static void refused(CommandRun run, String... texts) {
    assertThat(run.err().strip().lines().toList()).as(run.err()).hasSize(1);
    assertThat(run.err()).startsWith("lotus: ").contains(texts);
    assertThat(run.out()).isEmpty();
    assertThat(run.status()).isEqualTo(2);
    assertThat(temp.resolve("never")).doesNotExist();
  }

  private static CommandRun bench(String op, String shape, String dtype) {
    return CommandRun.of(
        "bench",
        "kernels",
        "--quiet",
        "--threads",
        "1",
        "--seconds",
        "0.001",
        "--op",
        op,
        "--shape",
        shape,
        "--dtype",
        dtype);
  }

  /** What is named is measured or refused, never left out. */
  @Test
  void shapesThatNoBenchmarkTakes() {
    refused(bench("sgd,philox", "8x10", "fp32"), "--op sgd: it takes resnet18 in fp32;");
    refused(bench("adamw", "resnet18", "bf16"), "--op adamw: it takes resnet18 in fp32;");
    refused(bench("philox", "8x10,resnet18", "fp32"), "--shape resnet18: no operation");
    refused(bench("philox", "8x10", "fp32,fp16"), "--dtype fp16: no operation");
    for (String shape : List.of("8", "0x10", "8x", "8x10x3", "-8x10", "8x1e3", "", "99999x99999")) {
      refused(bench("philox", shape, "fp32"), "--shape " + shape + ":");
    }
    CommandRun odd = bench("gather_augment", "2x5x8x8", "fp32");
    assertThat(odd.err()).contains("lotus: bench gather_augment 2x5x8x8 fp32: there are 5 means");
    assertThat(odd.status()).isEqualTo(2);
  }

  @Test
  void wrongOptions() {
    refused(CommandRun.of("nonsense"), "nonsense");
    refused(CommandRun.of("unlearn"), "Missing required options");
    refused(unlearn("--method", "magic"), "--method magic", "lotus, finetune");
    refused(
        unlearn("--method", "scrub", "--alpha", "2"),
        "--alpha: --method scrub has no use for it",
        "lotus, salun-lotus");
    refused(unlearn("--method", "ssd", "--lr", "1"), "--lr: --method ssd has no use for it");
    refused(unlearn("--upstream-quirks", "odd"), "there is no 'odd'", "scrub-no-op");
    refused(unlearn("--upstream-quirks", "scrub-no-op"), "scrub-no-op belongs to scrub", "lotus");
    refused(unlearn("--epochs", "0"), "--epochs 0");
    refused(unlearn("--epochs", "many"), "many");
    refused(unlearn("--batch", "0"), "--batch 0");
    refused(unlearn("--lr", "-1"), "--lr -1");
    refused(unlearn("--alpha", "NaN"), "--alpha NaN");
    refused(unlearn("--retain-fraction", "1.5"), "--retain-fraction 1.5");
    refused(unlearn("--tau", "fixed:0"), "--tau fixed:0", "above 0");
    refused(unlearn("--tau", "fixed:-2"), "--tau fixed:-2");
    refused(unlearn("--tau", "warm"), "--tau warm");
    refused(
        unlearn("--forget-target", "hard"), "--forget-target hard", "gumbel-softmax or softmax");
    refused(unlearn("--augment", "some"), "--augment some");
    refused(unlearn("--precision", "fp8"), "--precision fp8");
    refused(unlearn("--precision", "tf32", "--device", "cpu"), "--precision tf32");
    refused(unlearn("--device", "tpu"), "--device tpu");
    refused(unlearn("--threads", "-1"), "--threads -1");
    refused(unlearn("--accuracy-rounding", "99"), "--accuracy-rounding 99");
    refused(unlearn("--normalize", "0.5,0.5:0.1,0.1"), "--normalize");
    refused(unlearn("--dataset", "nowhere"), "there is no data set 'nowhere'");
    refused(unlearn("--data", "/tmp"), "--data /tmp", "generated");
  }

  @Test
  void cudaWithoutAUsableGpuIsNeverTheCpu() {
    Assumptions.assumeFalse(ComputeDevice.parse("auto").cuda(), "this machine has a usable GPU");
    refused(unlearn("--device", "cuda"), "--device cuda");
    refused(unlearn("--device", "cuda:3"), "--device cuda:3");
  }

  @Test
  void models() throws IOException {
    refused(unlearn("--original", temp.resolve("none").toString()), "none", "no such file");
    Path empty = Files.createDirectories(temp.resolve("empty"));
    refused(unlearn("--original", empty.toString()), "empty", "no model.safetensors");
    Path cut = temp.resolve("cut.safetensors");
    Files.write(cut, Arrays.copyOf(Files.readAllBytes(model), 5000));
    refused(unlearn("--original", cut.toString()), "cut.safetensors");
    Path hundred = temp.resolve("hundred.safetensors");
    save(hundred, 100, false);
    refused(unlearn("--original", hundred.toString()), "100 classes", "has 10");
    Path nan = temp.resolve("nan.safetensors");
    save(nan, 10, true);
    refused(unlearn("--original", nan.toString()), "nan.safetensors", "NaN");
  }

  @Test
  void splits() throws IOException {
    refused(unlearn("--split", temp.resolve("none.json").toString()), "none.json");
    Path broken = Files.writeString(temp.resolve("broken.json"), "{\"forget\": [1, 2");
    refused(unlearn("--split", broken.toString()), "broken.json");
    String good = Files.readString(split);
    Path empty =
        Files.writeString(
            temp.resolve("empty.json"),
            good.replaceFirst("\"forget\"\\s*:\\s*\\[[^]]*]", "\"forget\": []"));
    refused(unlearn("--split", empty.toString()), "forget set is empty");
    Path far =
        Files.writeString(
            temp.resolve("far.json"),
            good.replaceFirst("\"forget\"\\s*:\\s*\\[", "\"forget\": [99999999, "));
    refused(unlearn("--split", far.toString()), "99999999");
    refused(
        CommandRun.of(
            "split",
            "--dataset",
            "synthetic",
            "--forget-fraction",
            "1.5",
            "--out",
            temp.resolve("never").toString()),
        "1.5");
    refused(
        CommandRun.of(
            "split",
            "--dataset",
            "synthetic",
            "--forget-class",
            "10",
            "--out",
            temp.resolve("never").toString()),
        "10");
    Path indices = Files.writeString(temp.resolve("indices.txt"), "1 2\n3 x\n");
    refused(
        CommandRun.of(
            "split",
            "--dataset",
            "synthetic",
            "--forget-indices",
            indices.toString(),
            "--out",
            temp.resolve("never").toString()),
        "indices.txt",
        "line 2",
        "x");
    refused(
        CommandRun.of(
            "train",
            "--dataset",
            "synthetic",
            "--model",
            "resnet20",
            "--epochs",
            "1",
            "--on",
            "retain",
            "--quiet",
            "--out",
            temp.resolve("never").toString()),
        "--on retain needs --split");
  }

  @Test
  void dataFiles() throws IOException {
    refused(
        CommandRun.of(
            "split",
            "--dataset",
            "cifar10",
            "--forget-fraction",
            "0.1",
            "--out",
            temp.resolve("never").toString()),
        "--data");
    Path missing = temp.resolve("no-such-folder");
    refused(
        CommandRun.of(
            "split",
            "--dataset",
            "cifar10",
            "--data",
            missing.toString(),
            "--forget-fraction",
            "0.1",
            "--out",
            temp.resolve("never").toString()),
        "no-such-folder");
    Path folder = Files.createDirectories(temp.resolve("cifar"));
    byte[] records = new byte[3073 * 20];
    for (int i = 1; i <= 5; i++) {
      Files.write(folder.resolve("data_batch_" + i + ".bin"), records);
    }
    records[3073 * 7] = 77;
    Files.write(folder.resolve("test_batch.bin"), records);
    refused(
        CommandRun.of(
            "split",
            "--dataset",
            "cifar10",
            "--data",
            folder.toString(),
            "--forget-fraction",
            "0.1",
            "--out",
            temp.resolve("never").toString()),
        "test_batch.bin",
        "77");
  }

  /** Found before hours of work, not when the weights are to be written. */
  @Test
  void unwritablePlaces() throws IOException {
    Path file = Files.writeString(temp.resolve("file"), "");
    CommandRun run = unlearn("--out", file.resolve("run").toString());
    assertThat(run.status()).isEqualTo(2);
    assertThat(run.err()).contains("file").doesNotContain("epoch");
    refused(unlearn("--tau", "fixed:1e-50"), "--tau fixed:1.0E-50");
    refused(
        unlearn("--batch", "2000000000", "--original", temp.resolve("gone").toString()), "gone");
    String good = Files.readString(split);
    Path overlapping =
        Files.writeString(
            temp.resolve("overlap.json"),
            good.replaceFirst("\"test\"\\s*:\\s*\\[[^]]*]", "\"test\": [1]")
                .replaceFirst("\"val\"\\s*:\\s*\\[[^]]*]", "\"val\": [1, 2]"));
    refused(unlearn("--split", overlapping.toString()), "held-out index 1 is in both val and test");
  }

  @Test
  void goldenFolders() {
    refused(CommandRun.of("verify", temp.resolve("gone").toString()), "gone");
  }

  @Test
  void nothingHalfWrittenIsLeft() throws IOException {
    try (Stream<Path> files = Files.walk(temp)) {
      assertThat(files.filter(f -> f.toString().contains(".tmp") || f.toString().contains(".part")))
          .isEmpty();
    }
  }
}
