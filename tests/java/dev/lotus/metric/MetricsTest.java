package dev.lotus.metric;

import static dev.lotus.metric.Golden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import dev.lotus.device.ResultException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** metrics.json, {@link AvgGap} and {@link Evaluation}. */
class MetricsTest {
  private static final Metrics EMPTY = Metrics.NONE;

  private static final Metrics FULL =
      new Metrics(
          0.1,
          1 / 3.0,
          0.2,
          0.3,
          0.4,
          5e-5,
          1e-300,
          0.07,
          0.08,
          0.09,
          0.1,
          0.11,
          10,
          0.12,
          0.13,
          14.5,
          new AttackMetrics(
              0.14, 0.15, 0.16, 1, 0.17, 0.18, 0.19, 0.2, 9, 0, 0.21, 0.22, 0.23, 7, 1),
          new AuditMetrics(0.24, 0.25, 0.26, 0.27, 0.28, 0.29, 12, 3, 21));

  @Test
  void keysAreFlatOrderedAndAllPresent() {
    assertThat(EMPTY.toMap().keySet())
        .containsExactly(
            "acc_forget",
            "acc_retain",
            "acc_test",
            "acc_val",
            "mia",
            "jsd",
            "jsd_upstream",
            "jsd_bt",
            "rf_jsd",
            "rf_jsd_lo",
            "rf_jsd_hi",
            "rf_jsd_upstream",
            "rf_jsd_classes",
            "avg_gap",
            "avg_gap_published",
            "seconds",
            "attack_auc",
            "attack_tpr_1",
            "attack_tpr_01",
            "over_unlearned",
            "ulira_auc",
            "ulira_tpr_1",
            "ulira_tpr_01",
            "ulira_accuracy",
            "ulira_models",
            "ulira_few",
            "rmia_auc",
            "rmia_tpr_1",
            "rmia_tpr_01",
            "rmia_models",
            "rmia_few",
            "tow",
            "tow_mia",
            "ks_statistic",
            "ks_p",
            "forgetting_quality",
            "forgetting_score",
            "forgetting_models",
            "relearn_forget",
            "relearn_retain");
    assertThat(EMPTY.toMap().values()).containsOnlyNulls();
    String json = new String(EMPTY.toJson(), StandardCharsets.UTF_8);
    assertThat(json)
        .startsWith("{\n  \"schema\" : 2,\n  \"acc_forget\" : null,\n")
        .endsWith("\"relearn_retain\" : null\n}\n");
    assertThat(new String(FULL.toJson(), StandardCharsets.UTF_8))
        .contains("\"acc_retain\" : 0.3333333333333333,")
        .contains("\"rf_jsd_classes\" : 10,");
    int at = -1;
    for (String key : FULL.toMap().keySet()) {
      int next = json.indexOf("\"" + key + "\"");
      assertThat(next).as(key).isGreaterThan(at);
      at = next;
    }
  }

  @Test
  void readsBackToTheLastBit(@TempDir Path folder) throws Exception {
    assertThat(Metrics.fromJson(FULL.toJson(), "text")).isEqualTo(FULL);
    assertThat(Metrics.fromJson(EMPTY.toJson(), "text")).isEqualTo(EMPTY);
    Path file = folder.resolve("metrics.json");
    Files.writeString(file, "{\"mia\": 1, \"new_key\": [1, 2]}");
    assertThat(Metrics.read(file).mia()).isEqualTo(1.0);
    assertThat(Metrics.read(file).seconds()).isNull();
  }

  @Test
  void refusesWhatIsNoMetrics(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("metrics.json");
    for (String bad :
        new String[] {
          "",
          "[1]",
          "null",
          "{\"mia\": \"0.5\"}",
          "{\"mia\": {}}",
          "{\"mia\": 0.5",
          "{\"rf_jsd_classes\": 1.5}",
          "{\"over_unlearned\": true}",
          "{\"schema\": 3}"
        }) {
      Files.writeString(file, bad);
      assertThatThrownBy(() -> Metrics.read(file))
          .as(bad)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("metrics.json")
          .hasMessageNotContaining("\n");
    }
    assertThatThrownBy(() -> Metrics.read(folder.resolve("none.json")))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("none.json");
    assertThatThrownBy(() -> FULL.withSeconds(Double.NaN))
        .isInstanceOf(ResultException.class)
        .hasMessageContaining("seconds is NaN");
  }

  @Test
  void avgGapExactAndPublished() {
    // CIFAR-10 with ResNet18 in the published tables: gaps .07 .08 .00 .00, average .0375.
    AvgGap.Scores gold = new AvgGap.Scores(0.7612, 0.9086, 0.9911, 0.9131);
    AvgGap.Scores lotus = new AvgGap.Scores(0.8266, 0.9891, 0.9866, 0.9072);
    assertThat(AvgGap.published(lotus, gold)).isEqualTo(0.0375);
    assertClose(
        "exact", AvgGap.exact(lotus, gold), (0.0654 + 0.0805 + 0.0045 + 0.0059) / 4, 1e-15, 0);
    assertThat(AvgGap.exact(gold, gold)).isZero();
  }

  @Test
  void evaluationPutsTheMetricsTogether() {
    GoldenFile golden = Golden.file("d_mia_10cls");
    SetStatistics retain = Golden.statistics(golden.array("retain_logits"), null);
    SetStatistics val = Golden.statistics(golden.array("val_logits"), null);
    GoldenFile rf = Golden.file("c_rfjsd_10cls_full");
    SetStatistics forget =
        Golden.statistics(rf.array("forget_logits"), rf.array("forget_labels").ints());
    SetStatistics test = Golden.statistics(rf.array("test_logits"), rf.array("test_labels").ints());
    Evaluation unlearned = new Evaluation(forget, retain, val, test);
    Evaluation retrained = new Evaluation(test, retain, val, test);
    Evaluation.Divergences jsd = new Evaluation.Divergences(0.5, 0.25, 0.125);
    Metrics all = unlearned.metrics(test, retrained, jsd, 12.5);
    assertThat(
            all.toMap().entrySet().stream()
                .filter(e -> e.getValue() == null)
                .map(java.util.Map.Entry::getKey))
        .allMatch(key -> key.matches("(ulira|rmia|forgetting|relearn)_.*"))
        .hasSize(16);
    assertThat(all.audit().tow()).isEqualTo(1 - Math.abs(forget.accuracy() - test.accuracy()));
    assertThat(all.accForget()).isEqualTo((double) forget.correct() / 30);
    assertThat(all.accRetain()).isEqualTo(1);
    assertThat(all.mia())
        .isEqualTo(
            Mia.fit(retain.entropy(), test.entropy(), val.entropy(), forget.entropy()).score());
    assertThat(all.jsd()).isEqualTo(0.5);
    assertThat(all.jsdUpstream()).isEqualTo(0.25);
    assertThat(all.jsdBt()).isEqualTo(0.125);
    assertThat(all.rfJsdUpstream()).isEqualTo(RfJsd.of(forget, test).upstream());
    assertThat(all.rfJsdClasses()).isEqualTo(10);
    assertThat(all.avgGap())
        .isEqualTo(
            (Math.abs(all.mia() - retrained.mia()) + Math.abs(forget.accuracy() - test.accuracy()))
                / 4);
    assertThat(all.avgGapPublished() * 400).isEqualTo(Math.rint(all.avgGapPublished() * 400));

    Metrics few = new Evaluation(forget, null, val, null).metrics(null, retrained, null, null);
    assertThat(few.accForget()).isNotNull();
    assertThat(few.accVal()).isNotNull();
    assertThat(few.toMap().values().stream().filter(v -> v != null)).hasSize(6);
    assertThat(few.attacks().attackAuc()).isNotNull();
    assertThat(few.audit().ksStatistic()).isNull();
  }

  @Test
  void statisticsAreChecked() {
    float[] two = {0, 1};
    assertThat(new SetStatistics(2, 1, two, two, null, null).accuracy()).isEqualTo(0.5);
    assertThat(new SetStatistics(2, 1, two, two, null, null).meanLoss()).isEqualTo(0.5);
    assertThatThrownBy(() -> new SetStatistics(3, 1, two, two, null, null))
        .hasMessageContaining("loss has 2 values for 3 rows");
    assertThatThrownBy(() -> new SetStatistics(2, 3, two, two, null, null))
        .hasMessageContaining("correct = 3 of 2");
    assertThatThrownBy(() -> new SetStatistics(2, 1, two, two, new double[2][2], null))
        .hasMessageContaining("together");
    assertThatThrownBy(
            () ->
                new SetStatistics(2, 1, two, two, new double[][] {{1}, {0, 1}}, new long[] {1, 1}))
        .hasMessageContaining("classMeans[0] must have 2 columns");
  }
}
