package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What --resume takes for the run that a folder holds, finished. */
class FinishedRunTest {
  @TempDir static Path temp;
  private static Path trained;
  private static Path unlearned;

  @BeforeAll
  static void make() {
    trained = temp.resolve("trained");
    unlearned = temp.resolve("unlearned");
    run("split", "--out", temp.resolve("split.json").toString());
    assertThat(train("resnet20", "--tensorboard").status()).isZero();
    assertThat(unlearn(trained, "--plan").status()).isZero();
  }

  private static CommandRun run(String... more) {
    List<String> args = new ArrayList<>(List.of(more));
    args.addAll(List.of("--dataset", "synthetic", "--per-class", "10"));
    return CommandRun.of(args.toArray(String[]::new));
  }

  private static CommandRun train(String model, String... more) {
    List<String> args =
        new ArrayList<>(
            List.of("train", "--model", model, "--width", "0.25", "--epochs", "1", "--quiet"));
    args.addAll(List.of(more));
    if (!args.contains("--out")) {
      args.addAll(List.of("--out", trained.toString()));
    }
    return run(args.toArray(String[]::new));
  }

  private static CommandRun unlearn(Path original, String... more) {
    List<String> args = new ArrayList<>(List.of("unlearn", "--method", "finetune", "--quiet"));
    args.addAll(List.of("--split", temp.resolve("split.json").toString(), "--epochs", "1"));
    args.addAll(List.of("--original", original.toString()));
    args.addAll(List.of(more));
    if (!args.contains("--out")) {
      args.addAll(List.of("--out", unlearned.toString()));
    }
    return run(args.toArray(String[]::new));
  }

  @Test
  void howARunIsShownIsNotPartOfIt() throws Exception {
    CommandRun again = train("resnet20", "--resume");
    assertThat(again.status()).as(again.err()).isZero();
    assertThat(again.err()).contains("the run is finished");
    again = unlearn(trained, "--resume");
    assertThat(again.status()).as(again.err()).isZero();
    assertThat(again.err()).contains("the run is finished");
    for (String file : new String[] {"run.json", "certificate.json"}) {
      assertThat(Files.readString(unlearned.resolve(file)))
          .doesNotContain("\"plan\"", "\"tensorboard\"", "\"mlflow\"");
    }
  }

  @Test
  void anOptionThatAnOlderRunDidNotKnowHadItsDefault() throws Exception {
    Path record = unlearned.resolve("run.json");
    String whole = Files.readString(record);
    Files.writeString(record, whole.replaceFirst("\"alpha\" : \"2.0\",", ""));
    try {
      assertThat(unlearn(trained, "--resume").err()).contains("the run is finished");
    } finally {
      Files.writeString(record, whole);
    }
  }

  @Test
  void aSplitOfTheUsersOwnIsNotReplaced() throws Exception {
    Path own = Files.createDirectory(temp.resolve("own")).resolve("split.json");
    Files.writeString(own, "mine");
    CommandRun refused = unlearn(trained, "--out", own.getParent().toString());
    assertThat(refused.status()).isEqualTo(2);
    assertThat(refused.err()).contains("is another split than the one given");
    assertThat(own).hasContent("mine");
  }

  @Test
  void anotherModelIsAnotherRun() {
    CommandRun architecture = train("resnet32", "--resume");
    assertThat(architecture.status()).isEqualTo(2);
    assertThat(architecture.err())
        .contains("holds another run, finished: --model was resnet20, is resnet32");
    Path other = temp.resolve("other");
    assertThat(train("resnet32", "--out", other.toString()).status()).isZero();
    CommandRun original = unlearn(other, "--resume");
    assertThat(original.status()).isEqualTo(2);
    assertThat(original.err()).contains("holds another run, finished: model (SHA-256) was ");
  }

  @Test
  void aTrainingFromOtherWeightsIsAnotherRun() throws Exception {
    Path tuned = temp.resolve("tuned");
    assertThat(tune(trained, tuned).status()).isZero();
    CommandRun same = tune(trained, tuned, "--resume");
    assertThat(same.status()).as(same.err()).isZero();
    assertThat(same.err()).contains("the run is finished");
    CommandRun other = tune(unlearned, tuned, "--resume");
    assertThat(other.status()).isEqualTo(2);
    assertThat(other.err()).contains("holds another run, finished: model (SHA-256) was ");
  }

  private static CommandRun tune(Path from, Path to, String... more) {
    List<String> args = new ArrayList<>(List.of("train", "--model", from.toString()));
    args.addAll(List.of("--epochs", "1", "--quiet", "--out", to.toString()));
    args.addAll(List.of(more));
    return run(args.toArray(String[]::new));
  }

  /** Killed between the model and what is written last, with no checkpoint. */
  @Test
  void aRunWithoutItsLastFileBeginsAgain() throws Exception {
    Path half = temp.resolve("half");
    assertThat(unlearn(trained, "--out", half.toString()).status()).isZero();
    String whole = Files.readString(half.resolve("certificate.json"));
    Files.delete(half.resolve("certificate.json"));
    CommandRun again = unlearn(trained, "--out", half.toString(), "--resume");
    assertThat(again.status()).as(again.err()).isZero();
    assertThat(again.err()).contains("ended before its last files were written");
    assertThat(Files.readString(half.resolve("certificate.json")).lines().skip(3))
        .contains(
            whole.lines().filter(line -> line.contains("unlearned_sha256")).findFirst().get());
  }

  @Test
  void whatARunBeginsWithIsNotWrittenOver() throws Exception {
    byte[] before = Files.readAllBytes(trained.resolve("model.safetensors"));
    CommandRun inPlace = unlearn(trained, "--out", trained.toString());
    assertThat(inPlace.status()).isEqualTo(2);
    assertThat(inPlace.err()).contains("--original " + trained + " lies in --out ");
    CommandRun tuned = tune(trained.resolve("model.safetensors"), trained);
    assertThat(tuned.status()).isEqualTo(2);
    assertThat(tuned.err()).contains("lies in --out ", "give another --out");
    assertThat(Files.readAllBytes(trained.resolve("model.safetensors"))).isEqualTo(before);
  }
}
