package dev.lotus.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.data.Dataset;
import dev.lotus.data.ImageSet;
import dev.lotus.data.Split;
import dev.lotus.device.InputException;
import dev.lotus.experiment.AuditPlan.Shadow;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.UnlearnData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who is trained on what, and which models are the same. */
class AuditPlanTest {
  private static final String TEXT =
      """
      name: plan
      seeds: {training: [1, 2]SPLIT}
      data:
        - {dataset: synthetic, forget: {fraction: 0.34}}
      models:
        - {architecture: resnet20, width: 0.25, train: {epochs: 1}}
      defaults: {epochs: 1}
      methods:
        - {method: finetune}
        - {method: lotus}
      """;

  private static final NoiseData DATA = new NoiseData(48, 20, 8);

  private static Engine engine;

  @TempDir Path temp;

  @BeforeAll
  static void load() {
    engine = SmallEngine.open();
  }

  private Plan plan(String split, String audit) throws IOException {
    String text = TEXT.replace("SPLIT", split) + audit;
    return Plan.of(
        ExperimentFile.read(Files.writeString(temp.resolve("file.yaml"), text)), DATA, engine);
  }

  private static List<String> ids(List<Shadow> shadows) {
    return shadows.stream().map(shadow -> shadow.item().id()).toList();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 100})
  void eachSampleIsInHalfOfTheModelsAndEachModelHasHalfOfTheSamples(int samples) {
    int models = 16;
    int[] forget = new int[samples];
    int[] test = new int[samples + 1];
    for (int k = 0; k < models; k++) {
      Membership members = Membership.of(3, k, forget.length, test.length);
      assertThat(add(forget, members.forget()) + add(test, members.test()))
          .isBetween(samples, samples + 1);
    }
    assertThat(forget).containsOnly(models / 2);
    assertThat(test).containsOnly(models / 2);
  }

  private static int add(int[] counts, boolean[] members) {
    int size = 0;
    for (int i = 0; i < counts.length; i++) {
      counts[i] += members[i] ? 1 : 0;
      size += members[i] ? 1 : 0;
    }
    return size;
  }

  /** Halves of different pairs, sets and seeds have nothing to do with each other. */
  @Test
  void halvesAreDrawn() {
    int n = 1000;
    boolean[] first = Membership.of(3, 0, n, n).forget();
    for (boolean[] other :
        List.of(
            Membership.of(3, 2, n, n).forget(),
            Membership.of(3, 0, n, n).test(),
            Membership.of(4, 0, n, n).forget())) {
      long same = IntStream.range(0, n).filter(i -> first[i] == other[i]).count();
      // Five standard deviations of a hypergeometric count.
      assertThat(same).isBetween(420L, 580L);
    }
    assertThat(Membership.of(3, 0, n, n).forget()).isEqualTo(first);
  }

  /** A shadow model's samples are the images they should be, in whichever file they lie. */
  @Test
  void theForgetSetOfAShadowModelLiesOverBothFiles() throws IOException {
    Plan.Cell cell = plan("", "audit: {models: 4}\n").cells().get(0);
    Split split = cell.data().split();
    Shadow shadow = cell.audit().shadows().get(1);
    UnlearnData data = shadow.data(cell.data(), split);
    assertThat(data.split().retain()).isEqualTo(split.retain());
    assertThat(data.split().val()).isEqualTo(split.val());
    assertThat(data.split().kind()).isEqualTo(split.kind());
    Dataset own = cell.data().dataset();
    int at = 0;
    for (int i = 0; i < split.forget().length; i++) {
      if (shadow.members().forget()[i]) {
        assertSame(own.train(), split.forget()[i], data, at++);
      }
    }
    for (int i = 0; i < split.test().length; i++) {
      if (shadow.members().test()[i]) {
        assertSame(own.heldOut(), split.test()[i], data, at++);
      }
    }
    assertThat(data.split().forget()).hasSize(at);
    assertThat(data.dataset().sha256()).isNotEqualTo(own.sha256());
  }

  /** Whatever a method's own test set is: members are counted by the cell's. */
  @Test
  void aMethodWithUnseenDataForgetsTheSameSamples() throws IOException {
    Plan.Cell cell = plan("", "audit: {models: 4}\n").cells().get(0);
    Dataset own = cell.data().dataset();
    Split split = cell.data().split();
    Dataset with =
        new Dataset(
            own.name(),
            own.train(),
            new NoiseImages(8, 25, new int[] {0, 1, 2, 3}, 2),
            own.classNames(),
            own.sha256(),
            own.normalization(),
            own.heldOut().size(),
            own.published());
    UnlearnData ofMethod = new UnlearnData(with, Inputs.withUnseen(split, with));
    assertThat(ofMethod.split().test()).isNotEqualTo(split.test());
    for (Shadow shadow : cell.audit().shadows()) {
      UnlearnData data = shadow.data(ofMethod, split);
      assertThat(data.split().forget()).isEqualTo(shadow.data(cell.data(), split).split().forget());
      assertThat(data.split().val()).isEqualTo(ofMethod.split().val());
    }
  }

  private static void assertSame(ImageSet images, int index, UnlearnData data, int at) {
    ImageSet joined = data.dataset().train();
    int other = data.split().forget()[at];
    byte[] expected = new byte[images.imageBytes()];
    byte[] found = new byte[images.imageBytes()];
    images.read(index, expected, 0);
    joined.read(other, found, 0);
    assertThat(found).isEqualTo(expected);
    assertThat(joined.label(other)).isEqualTo(images.label(index));
  }

  @Test
  void methodsShareShadowModelsAndMoreModelsUseTheFirstAgain() throws IOException {
    Plan.Cell four = plan("", "audit: {models: 4}\n").cells().get(0);
    Plan.Cell eight = plan("", "audit: {models: 8, relearn: true}\n").cells().get(0);
    Plan.Cell other = plan("", "audit: {models: 4, seed: 1}\n").cells().get(0);
    assertThat(ids(four.audit().shadows())).doesNotHaveDuplicates().hasSize(4);
    assertThat(ids(eight.audit().shadows()))
        .startsWith(ids(four.audit().shadows()).toArray(String[]::new));
    assertThat(ids(other.audit().shadows()))
        .doesNotContainAnyElementsOf(ids(eight.audit().shadows()));
    assertThat(four.audit().shadows())
        .extracting(shadow -> shadow.training().seed())
        .doesNotHaveDuplicates()
        .allMatch(seed -> seed >= 0);
    assertThat(four.audit().unlearned()).hasSize(8);
    assertThat(four.audit().of("lotus"))
        .hasSize(4)
        .allSatisfy(
            run -> {
              assertThat(run.config().method()).isEqualTo("lotus");
              assertThat(run.config().seed()).isEqualTo(run.shadow().training().seed());
            });
  }

  /** Of one split, the training seed of the attacked model makes no other shadow models. */
  @Test
  void trainingSeedsOfOneSplitShareShadowModels() throws IOException {
    Plan same = plan(", split: 5, unlearning: [7, 8]", "audit: {models: 4}\n");
    Plan own = plan("", "audit: {models: 4}\n");
    assertThat(ids(same.cells().get(0).audit().shadows()))
        .isEqualTo(ids(same.cells().get(1).audit().shadows()));
    assertThat(same.cells().get(0).audit().unlearned()).hasSize(8);
    assertThat(ids(own.cells().get(0).audit().shadows()))
        .doesNotContainAnyElementsOf(ids(own.cells().get(1).audit().shadows()));
  }

  /** A store that was filled before there were audits is used as it is. */
  @Test
  void anAuditChangesTheNameOfNoOtherModel() throws IOException {
    Plan.Cell with = plan("", "audit: {models: 4}\n").cells().get(0);
    Plan.Cell without = plan("", "").cells().get(0);
    assertThat(without.audit()).isNull();
    assertThat(List.of(with.original().id(), with.gold().id()))
        .containsExactly(without.original().id(), without.gold().id());
    assertThat(with.runs())
        .extracting(run -> run.item().id())
        .isEqualTo(without.runs().stream().map(run -> run.item().id()).toList());
    // The names under which the first version keeps the models of config/demo.yaml.
    Path demo = Path.of(System.getProperty("lotus.basedir", "."), "config/demo.yaml");
    ExperimentSpec spec = ExperimentFile.read(demo);
    Plan.Cell cell = Plan.of(spec, new Inputs(null, false, line -> {}), engine).cells().get(0);
    assertThat(WorkItem.hash(spec)).startsWith("a7ef030aa66921555f84");
    assertThat(cell.original().id()).isEqualTo("original-0fbd75335dd21ec7");
    assertThat(cell.gold().id()).isEqualTo("gold-bfe08110885eeb9a");
    assertThat(cell.runs())
        .extracting(run -> run.item().id())
        .containsExactly("unlearned-755ae7c0c85d721a", "unlearned-f4b57af258a7c37f");
  }

  @Test
  void tooFewTestSamplesAreRefused() throws IOException {
    String text = TEXT.replace("SPLIT", "") + "audit: {models: 4}\n";
    ExperimentSpec spec = ExperimentFile.read(Files.writeString(temp.resolve("file.yaml"), text));
    assertThatThrownBy(() -> Plan.of(spec, new NoiseData(48, 2, 8), engine))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("audit: data synthetic have 1 test sample; attacks");
  }
}
