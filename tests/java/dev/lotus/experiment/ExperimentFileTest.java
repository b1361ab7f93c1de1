package dev.lotus.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import dev.lotus.experiment.ExperimentSpec.MethodSpec;
import dev.lotus.track.TrackingSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a file may say; each error names the file, the key, the value and what would do. */
class ExperimentFileTest {
  private static final String GOOD =
      """
      name: good
      seeds: {training: [1, 2]}
      data:
        - dataset: synthetic
          forget: {fraction: 0.1}
      models:
        - architecture: resnet20
          width: 0.5
          train: {epochs: 3}
      defaults: {epochs: 2, alpha: 4}
      methods:
        - method: lotus
        - method: finetune
          epochs: 5
      """;

  @TempDir Path temp;

  private ExperimentSpec read(String text) throws IOException {
    Path file = temp.resolve("file.yaml");
    Files.writeString(file, text);
    return ExperimentFile.read(file);
  }

  @Test
  void defaultsAreFilledIn() throws IOException {
    ExperimentSpec spec = read(GOOD);
    assertThat(spec.title()).isEqualTo("good");
    assertThat(spec.seeds().unlearningOf(2)).containsExactly(2L);
    assertThat(spec.seeds().splitOf(2)).isEqualTo(2);
    assertThat(spec.models().get(0).name()).isEqualTo("resnet20");
    assertThat(spec.models().get(0).train())
        .isEqualTo(new ExperimentSpec.Training(3, 128, 0.1, 5e-4, "warmup", true));
    MethodSpec lotus = spec.methods().get(0);
    assertThat(List.of(lotus.epochs(), lotus.alpha(), lotus.retainFraction()))
        .containsExactly(2, 4.0, 0.3);
    assertThat(spec.methods().get(1).epochs()).isEqualTo(5);
    // A default that means nothing to a method is as if it were not there.
    assertThat(spec.methods().get(1).alpha()).isEqualTo(2);
  }

  @Test
  void anAuditIsReadAndHasDefaults() throws IOException {
    assertThat(read(GOOD).audit()).isNull();
    assertThat(read(GOOD + "audit: {}\n").audit()).isEqualTo(new ExperimentSpec.Audit(0, false, 0));
    assertThat(read(GOOD + "audit: {models: 8, relearn: true, seed: 3}\n").audit())
        .isEqualTo(new ExperimentSpec.Audit(8, true, 3));
    // Without shadow models given weights may stay as they are.
    assertThat(
            read(GOOD.replace("train: {epochs: 3}", "weights: w\n    train: none")
                    + "audit: {relearn: true}\n")
                .audit()
                .relearn())
        .isTrue();
  }

  /** Quirks named for all are taken by those that they concern, and by nobody else. */
  @Test
  void quirksOfAllAreTakenByTheirMethods() throws IOException {
    ExperimentSpec spec =
        read(
            GOOD.replace(
                "alpha: 4", "upstream_quirks: 'accuracy-rounding,training-mode-evaluation'"));
    assertThat(spec.methods())
        .extracting(MethodSpec::upstreamQuirks)
        .containsExactly("accuracy-rounding", "training-mode-evaluation");
    ExperimentSpec none = read(GOOD.replace("alpha: 4", "upstream_quirks: scrub-no-op"));
    assertThat(none.methods()).extracting(MethodSpec::upstreamQuirks).containsOnlyNulls();
  }

  @Test
  void everySettingIsRead() throws IOException {
    ExperimentSpec spec =
        read(
            """
            name: all
            title: All of it
            seeds: {training: [1], unlearning: [5, 6], split: 9}
            data:
              - {name: a, dataset: cifar10, place: here, image_size: 64, per_class: 10, held_out: 0.2,
                 skip_bad_images: true, forget: {fraction: 0.5, shuffle: true}}
              - {name: b, dataset: cifar10, forget: {class: 3}}
              - {name: c, dataset: cifar10, forget: {class: cat}}
              - {name: d, dataset: cifar10, forget: {indices: list.txt}}
              - {name: e, dataset: mufac, forget: published}
            models:
              - {name: m, architecture: vit_ti_16, weights: w.pth, normalize: imagenet, train: none}
            methods:
              - {name: x, method: lotus, epochs: 1, batch: 2, lr: 1e-3, weight_decay: 0, augment: none,
                 retain_fraction: 1, alpha: 0, tau: 2, accuracy_rounding: 2, forget_target: softmax,
                 retain_target: argmax, upstream_quirks: all, unseen: cifake}
            """);
    assertThat(spec.seeds().unlearningOf(1)).containsExactly(5L, 6L);
    assertThat(spec.seeds().splitOf(1)).isEqualTo(9);
    assertThat(spec.data()).extracting(data -> data.forget().classLabel()).contains("3", "cat");
    assertThat(spec.models().get(0).train()).isNull();
    assertThat(spec.methods().get(0))
        .isEqualTo(
            new MethodSpec(
                "x",
                "lotus",
                1,
                2,
                1e-3,
                0.0,
                false,
                1,
                0,
                2.0,
                2,
                "softmax",
                "argmax",
                0.95,
                "accuracy-rounding,augmented-evaluation",
                "cifake"));
  }

  /** Dashboards are no part of what an experiment is: it goes on with others, or with none. */
  @Test
  void dashboardsAreNamed() throws IOException {
    ExperimentSpec spec =
        read(GOOD + "tracking: {tensorboard: true, mlflow: 'http://host:5000', experiment: mine}");
    assertThat(spec.tracking())
        .isEqualTo(new TrackingSettings(true, URI.create("http://host:5000"), "mine"));
    ExperimentSpec plain = read(GOOD);
    assertThat(plain.tracking().tensorboard()).isFalse();
    assertThat(plain.tracking().mlflow()).isNull();
    assertThat(WorkItem.hash(spec)).isEqualTo(WorkItem.hash(plain));
    assertThat(read(GOOD + "tracking: {tensorboard: true}").tracking().experiment())
        .isEqualTo("good");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "name: good; ''; name is missing: give a word",
        "name: good; 'name: good\ntracking: {mlflow: \"host:5000\"}'; tracking: MLflow server host:5000: give an address",
        "name: good; 'name: good\ntracking: {wandb: true}'; tracking.wandb = true: there is no such key",
        "name: good; 'name: good\ntracking: {tensorboard: 1}'; tracking.tensorboard = 1: give",
        "name: good; name: a b; name = \"a b\": give a word",
        "name: good; names: good; names = \"good\": there is no such key here; there are name, title",
        "seeds: {training: [1, 2]}; ''; seeds is missing",
        "[1, 2]; []; seeds.training: give a list of at least one",
        "[1, 2]; [1, 1]; seeds.training[1] = 1: \"1\" is there already",
        "[1, 2]; [1, -2]; seeds.training[1] = -2: give a whole number of at least 0",
        "[1, 2]; [1, two]; seeds.training[1] = \"two\": give a whole number",
        "[1, 2]}; [1], unlearning: 5}; seeds.unlearning = 5: give a list",
        "dataset: synthetic; dataset: cifar; data[0].dataset = \"cifar\": give one of synthetic, cifar10",
        "dataset: synthetic; {dataset: synthetic, place: x}; place",
        "{fraction: 0.1}; {fraction: 1.5}; data[0].forget.fraction = 1.5: give a number above 0 and below 1",
        "{fraction: 0.1}; {fraction: '0.1'}; data[0].forget.fraction = \"0.1\": give a number",
        "{fraction: 0.1}; {fraction: 0.1, class: 2}; data[0].forget: give published, or one of",
        "{fraction: 0.1}; some; data[0].forget = \"some\": give a map of fraction",
        "{fraction: 0.1}; {class: 1, shuffle: true}; data[0].forget: give published",
        "resnet20; resnet21; models[0].architecture = \"resnet21\": give one of resnet18",
        "width: 0.5; width: 0; models[0].width = 0: give a number above 0",
        "train: {epochs: 3}; train: none; models[0].train = \"none\": only given weights",
        "train: {epochs: 3}; train: {epochs: 3.5}; models[0].train.epochs = 3.5: give a whole number from 1",
        "train: {epochs: 3}; train: {epochs: 3, rate: 1}; models[0].train.rate = 1: there is no such key",
        "train: {epochs: 3}; train: {}; models[0].train.epochs is missing: give a whole number",
        "alpha: 4; alfa: 4; defaults.alfa = 4: there is no such key here",
        "alpha: 4; alpha: -1; methods[0].alpha = -1: give a number of 0 or more",
        "alpha: 4; alpha: .nan; line 10: defaults.alpha: Malformed",
        "epochs: 5; lr: -.inf; methods.1.lr: Malformed",
        "epochs: 5; lr: 1e999; methods[1].lr = \"Infinity\": give a number of 0 or more",
        "epochs: 5; alpha: 3; methods[1].alpha = 3: method finetune has no use for it",
        "epochs: 5; unseen: x; methods[1].unseen = \"x\": method finetune has no use for it",
        "epochs: 5; beta: 0.9; 'methods[1].beta = 0.9: method finetune has no use for it; it belongs to neggrad+'",
        "epochs: 5; upstream_quirks: scrub-no-op; methods[1].upstream_quirks = \"scrub-no-op\": scrub-no-op belongs to scrub",
        "epochs: 5; upstream_quirks: nonsense; methods[1].upstream_quirks = \"nonsense\": there is no",
        "alpha: 4; upstream_quirks: nonsense; defaults.upstream_quirks = \"nonsense\": there is no",
        "width: 0.5; normalize: half; models[0].normalize = \"half\": is neither cifar10",
        "train: {epochs: 3}; train: {epochs: 3, schedule: cosine}; models[0].train.schedule = \"cosine\": give one of warmup, constant",
        "method: lotus; method: forgetting; methods[0].method = \"forgetting\": give one of lotus",
        "method: lotus; method: finetune; methods[1]: \"finetune\" is there already",
        "epochs: 5; augment: yes please; methods[1].augment = \"yes please\": give one of published, none",
        "alpha: 4; accuracy_rounding: 16; methods[0].accuracy_rounding = 16: give a whole number from 0 to 15",
        "epochs: 5; 'epochs: 5\naudit: {shadows: 8}'; audit.shadows = 8: there is no such key here; there are models, relearn, seed",
        "epochs: 5; 'epochs: 5\naudit: 8'; audit = 8: give a map of models, relearn, seed",
        "epochs: 5; 'epochs: 5\naudit: {models: 5}'; audit.models = 5: give an even number from 4 to 1024",
        "epochs: 5; 'epochs: 5\naudit: {models: 2}'; audit.models = 2: give an even number from 4 to 1024",
        "epochs: 5; 'epochs: 5\naudit: {models: -4}'; audit.models = -4: give a whole number from 0 to 1024",
        "epochs: 5; 'epochs: 5\naudit: {models: 4.0}'; audit.models = 4.0: give a whole number",
        "epochs: 5; 'epochs: 5\naudit: {relearn: 1}'; audit.relearn = 1: give true or false",
        "epochs: 5; 'epochs: 5\naudit: {seed: -1}'; audit.seed = -1: give a whole number of at least 0",
        "train: {epochs: 3}; 'weights: w.pth\n    train: none\naudit: {models: 4}'; audit.models = 4: shadow models are trained as the originals are, and model resnet20 has train: none",
        "epochs: 5; 'epochs: *a'; aliases (*name) are not read",
      })
  void whatIsWrongIsNamed(String part, String instead, String error) {
    assertThat(GOOD).contains(part);
    String text = GOOD.replaceFirst(Pattern.quote(part), Matcher.quoteReplacement(instead));
    assertThatThrownBy(() -> read(text))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(temp.resolve("file.yaml") + ": ")
        .hasMessageContaining(error);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "'name: a\nname: b\n'; line 2: Duplicate",
        "'name: [a\n'; line",
        "'- a\n'; a map of keys is needed",
        "''; a map of keys is needed",
        "'a: 1\n---\nb: 2\n'; railing",
      })
  void brokenFilesAreNamed(String text, String error) {
    assertThatThrownBy(() -> read(text))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(temp.resolve("file.yaml") + ": ")
        .hasMessageContaining(error);
    assertThatThrownBy(() -> ExperimentFile.read(temp.resolve("none.yaml")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("none.yaml");
  }
}
