package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.data.Checksum;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
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
    args.addAll(List.of("--out", trained.toString()));
    args.addAll(List.of(more));
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

  /**
   * As a run that is killed while it is evaluated, or before its certificate, leaves its folder.
   */
  @Test
  void withoutWhatIsWrittenLastItIsNotFinished() throws Exception {
    byte[] model = Files.readAllBytes(unlearned.resolve("model.safetensors"));
    String[] missing = {"certificate.json", "metrics.json"};
    for (String file : missing) {
      Files.delete(unlearned.resolve(file));
    }
    CommandRun again = unlearn(trained, "--resume");
    assertThat(again.status()).as(again.err()).isZero();
    assertThat(again.err())
        .contains("its checkpoint is gone: it begins again at its start")
        .doesNotContain("the run is finished");
    for (String file : missing) {
      assertThat(unlearned.resolve(file)).exists();
    }
    assertThat(unlearned.resolve("model.safetensors")).hasBinaryContent(model);
    Files.delete(trained.resolve("metrics.json"));
    byte[] before = Files.readAllBytes(trained.resolve("model.safetensors"));
    again = train("resnet20", "--resume");
    assertThat(again.status()).as(again.err()).isZero();
    assertThat(trained.resolve("metrics.json")).exists();
    assertThat(trained.resolve("model.safetensors")).hasBinaryContent(before);
  }

  @Test
  void anUnfinishedRunOfAnotherKindIsNotReplaced() throws Exception {
    Path certificate = unlearned.resolve("certificate.json");
    byte[] whole = Files.readAllBytes(certificate);
    Files.delete(certificate);
    try {
      CommandRun other = unlearn(trained, "--resume", "--alpha", "3");
      assertThat(other.status()).isEqualTo(2);
      assertThat(other.err()).contains("alpha");
      other = unlearn(trained, "--resume", "--seed", "5");
      assertThat(other.status()).isEqualTo(2);
      assertThat(other.err()).contains("holds another run: --seed was 3407, is 5");
    } finally {
      Files.write(certificate, whole);
    }
  }

  @Test
  void theWeightsThatATrainingBeganWithArePartOfIt() throws Exception {
    Path out = temp.resolve("tuned");
    Path own = temp.resolve("own.safetensors");
    Files.copy(trained.resolve("model.safetensors"), own);
    List<String> args =
        List.of("train", "--model", own.toString(), "--epochs", "1", "--quiet", "--out");
    CommandRun made = run(with(args, out.toString()));
    assertThat(made.status()).as(made.err()).isZero();
    assertThat(Files.readString(out.resolve("run.json")))
        .contains("\"initial_sha256\" : \"" + Checksum.ofFile(own));
    assertThat(run(with(args, out.toString(), "--resume")).err()).contains("the run is finished");
    Files.copy(unlearned.resolve("model.safetensors"), own, StandardCopyOption.REPLACE_EXISTING);
    CommandRun other = run(with(args, out.toString(), "--resume"));
    assertThat(other.status()).isEqualTo(2);
    assertThat(other.err()).contains("holds another run, finished: model (SHA-256) was ");
  }

  private static String[] with(List<String> args, String... more) {
    return Stream.concat(args.stream(), Stream.of(more)).toArray(String[]::new);
  }

  @Test
  void theLayoutOfAFinishedModelIsPartOfIt() throws Exception {
    Path record = unlearned.resolve("run.json");
    String whole = Files.readString(record);
    Files.writeString(
        record, whole.replace("\"save-layout\" : \"lotus\"", "\"save-layout\" : \"timm\""));
    try {
      CommandRun other = unlearn(trained, "--resume");
      assertThat(other.status()).isEqualTo(2);
      assertThat(other.err())
          .contains("holds another run, finished: --save-layout was timm, is lotus");
    } finally {
      Files.writeString(record, whole);
    }
  }

  @Test
  void aRunDoesNotReplaceWhatItBeginsWith() throws Exception {
    byte[] model = Files.readAllBytes(trained.resolve("model.safetensors"));
    Path link = Files.createSymbolicLink(temp.resolve("link"), trained);
    for (CommandRun refused :
        List.of(
            unlearn(trained, "--out", trained.toString()),
            unlearn(trained.resolve("model.safetensors"), "--out", link.toString()),
            train(link.toString()))) {
      assertThat(refused.status()).isEqualTo(2);
      assertThat(refused.err()).contains("its weights lie in --out", "give another --out");
    }
    assertThat(trained.resolve("model.safetensors")).hasBinaryContent(model);
  }

  @Test
  void anotherModelIsAnotherRun() throws Exception {
    CommandRun architecture = train("resnet32", "--resume");
    assertThat(architecture.status()).isEqualTo(2);
    assertThat(architecture.err())
        .contains("holds another run, finished: --model was resnet20, is resnet32");
    Path other = Files.createDirectory(temp.resolve("other"));
    Files.copy(unlearned.resolve("model.safetensors"), other.resolve("model.safetensors"));
    CommandRun original = unlearn(other, "--resume");
    assertThat(original.status()).isEqualTo(2);
    assertThat(original.err()).contains("holds another run, finished: model (SHA-256) was ");
  }
}
