package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models made in Python, from the command line. */
class ForeignModelTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path GOLDEN =
      Path.of(System.getProperty("lotus.basedir", "."), "tests", "golden", "backbones");
  @TempDir static Path temp;
  private static Path split;

  @BeforeAll
  static void makeSplit() {
    split = temp.resolve("split.json");
    CommandRun run =
        CommandRun.of(
            "split",
            "--dataset",
            "synthetic",
            "--forget-fraction",
            "0.1",
            "--out",
            split.toString());
    assertThat(run.status()).isZero();
  }

  /** A command on the generated images; words are separated by blanks. */
  private static CommandRun run(String command, Path... paths) {
    List<String> args = new ArrayList<>();
    int next = 0;
    for (String word : command.split(" ")) {
      args.add(word.equals("@") ? paths[next++].toString() : word);
    }
    args.addAll(List.of("--dataset", "synthetic", "--quiet"));
    return CommandRun.of(args.toArray(String[]::new));
  }

  private static CommandRun done(String command, Path... paths) {
    CommandRun run = run(command, paths);
    assertThat(run.status()).as(run.err()).isZero();
    return run;
  }

  @Test
  void aTorchScriptProgramIsTrainedUnlearnedAndEvaluated() throws IOException {
    Path original = temp.resolve("original");
    Path unlearned = temp.resolve("unlearned");
    done("train --model @ --epochs 2 --lr 0.05 --out @", GOLDEN.resolve("classifier.pt"), original);
    done(
        "unlearn --method lotus --original @ --split @ --epochs 1 --alpha 8 --lr 0.001 --out @",
        original,
        split,
        unlearned);
    for (Path folder : List.of(original, unlearned)) {
      assertThat(folder.resolve("model.pt")).isNotEmptyFile();
      assertThat(folder.resolve("model.safetensors")).doesNotExist();
      JsonNode run = JSON.readTree(folder.resolve("run.json").toFile());
      assertThat(run.path("model").path("name").asText()).isEqualTo("torchscript");
    }
    assertThat(original.resolve("model.pt"))
        .binaryContent()
        .isNotEqualTo(Files.readAllBytes(unlearned.resolve("model.pt")));
    CommandRun evaluated =
        done(
            "evaluate --unlearned @ --original @ --split @ --json --out @",
            unlearned.resolve("model.pt"),
            original,
            split,
            temp.resolve("evaluated"));
    JsonNode metrics = JSON.readTree(evaluated.out());
    // It has learned: ten classes, so chance is 0.1.
    assertThat(metrics.path("acc_retain").asDouble()).isGreaterThan(0.25);
    assertThat(metrics.path("rf_jsd").asDouble()).isPositive();
    // A run with another kind of model leaves none of this kind.
    done("train --model resnet20 --width 0.5 --epochs 1 --out @", original);
    assertThat(original.resolve("model.pt")).doesNotExist();
    assertThat(original.resolve("model.safetensors")).isNotEmptyFile();
  }

  @Test
  void aTransformerIsSavedUnderAnotherLibrarysNames() throws IOException {
    Path original = temp.resolve("vit");
    Path unlearned = temp.resolve("vit-unlearned");
    done(
        "train --model vit_ti_16 --width 0.0625 --epochs 1 --save-layout huggingface --out @",
        original);
    done(
        "unlearn --method finetune --original @ --split @ --epochs 1 --save-layout torchvision"
            + " --out @",
        original,
        split,
        unlearned);
    assertThat(header(original)).contains("vit.encoder.layer.11.attention.attention.query.weight");
    assertThat(header(unlearned)).contains("encoder.layers.encoder_layer_11.self_attention");
    JsonNode model = JSON.readTree(unlearned.resolve("run.json").toFile()).path("model");
    assertThat(model.path("name").asText()).isEqualTo("vit_ti_16");
    assertThat(model.path("depth").asInt()).isEqualTo(12);
  }

  private static String header(Path folder) throws IOException {
    return Files.readString(folder.resolve("model.safetensors"), StandardCharsets.ISO_8859_1);
  }

  @Test
  void aHeadOfOtherClassesIsReplacedInTrainingOnly() {
    Path weights = GOLDEN.resolve("resnet18.pth");
    CommandRun run =
        done(
            "train --model @ --untrusted --epochs 1 --lr 0.01 --out @",
            weights,
            temp.resolve("head"));
    assertThat(run.err().strip())
        .isEqualTo("note: " + weights + ": head of 5 classes replaced by a new one of 10");
    refused(
        run(
            "unlearn --method lotus --original @ --split @ --epochs 1 --out @",
            weights,
            split,
            temp.resolve("never")),
        "5 classes, data set synthetic has 10");
  }

  @Test
  void whatCannotBeUsedIsSaidInOneLine() {
    for (String file : List.of("hostile.pth", "hostile.th")) {
      refused(
          run(
              "unlearn --method lotus --original @ --split @ --epochs 1 --out @",
              GOLDEN.resolve(file),
              split,
              temp.resolve("never")),
          file,
          "posix.system",
          "refused");
    }
    refused(
        run("train --model vgg19 --epochs 1 --out @", temp.resolve("never")),
        "architecture vgg19 is not known");
    refused(
        run("train --model resnet20 --epochs 1 --save-layout timm --out @", temp.resolve("never")),
        "--save-layout timm: there is no resnet20 in it");
    refused(
        run(
            "train --model @ --epochs 1 --width 0.5 --out @",
            GOLDEN.resolve("classifier.pt"),
            temp.resolve("never")),
        "--width 0.5");
  }

  /** Whatever its name, and before anything of it is run: this one is no sound program. */
  @Test
  void aProgramIsRefusedUnderUntrusted() throws IOException {
    Path program = temp.resolve("weights.safetensors");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(program))) {
      for (String name : List.of("data.pkl", "constants.pkl", "code/__torch__.py")) {
        zip.putNextEntry(new ZipEntry("a/" + name));
      }
    }
    Path weights = GOLDEN.resolve("resnet18.pth");
    Path never = temp.resolve("never");
    String[] why = {"weights.safetensors: is a TorchScript program", "--untrusted", "state_dict"};
    refused(run("train --model @ --untrusted --epochs 1 --out @", program, never), why);
    refused(
        run(
            "unlearn --method lotus --original @ --untrusted --split @ --epochs 1 --out @",
            program,
            split,
            never),
        why);
    for (String option : List.of("--original @ --unlearned @", "--unlearned @ --original @")) {
      refused(
          run(
              "evaluate " + option + " --untrusted --split @ --out @",
              option.startsWith("--o") ? program : weights,
              option.startsWith("--o") ? weights : program,
              split,
              never),
          why);
    }
    Path experiment =
        Files.writeString(
            temp.resolve("a.yaml"),
            "name: a\nseeds: {training: [1]}\ndata: [{dataset: synthetic, forget: {fraction: 0.1}}]\n"
                + "models: [{architecture: resnet18, weights: weights.safetensors, train: {epochs: 1}}]\nmethods: [{method: finetune, epochs: 1}]\n");
    refused(
        CommandRun.of(
            "experiment",
            experiment.toString(),
            "--untrusted",
            "--quiet",
            "--data",
            temp.toString(),
            "--out",
            never.toString()),
        why);
  }

  /**
   * A width that is nobody's: its name must be said, and then the size is changed to the images'.
   */
  @Test
  void aTransformerOfAnUnknownWidthIsNamedByArch() {
    Path weights = GOLDEN.resolve("vit_s_16.safetensors");
    refused(
        run("train --model @ --epochs 1 --out @", weights, temp.resolve("never")),
        "not recognisable",
        "--arch");
    refused(
        run("train --model resnet20 --arch resnet20 --epochs 1 --out @", temp.resolve("never")),
        "--arch resnet20: --model resnet20 is no file");
    CommandRun run =
        done(
            "train --model @ --arch vit_s_16 --epochs 1 --lr 0.01 --save-layout timm --out @",
            weights,
            temp.resolve("narrow"));
    assertThat(run.err())
        .contains("position embeddings interpolated from images of 48 to 32 pixels")
        .contains("head of 5 classes replaced by a new one of 10");
    CommandRun unlearned =
        done(
            "unlearn --method lotus --original @ --split @ --epochs 1 --out @",
            temp.resolve("narrow"),
            split,
            temp.resolve("narrow-unlearned"));
    assertThat(unlearned.err()).doesNotContain("note:");
  }

  private static void refused(CommandRun run, String... texts) {
    assertThat(run.err().strip().lines().toList()).as(run.err()).hasSize(1);
    assertThat(run.err()).startsWith("lotus: ").contains(texts);
    assertThat(run.status()).isEqualTo(2);
    assertThat(temp.resolve("never")).doesNotExist();
  }
}
