package dev.lotus.metric;

import static dev.lotus.metric.Golden.assertClose;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Metrics from files that numpy wrote (tests/golden/metrics/make.py), against the published code's
 * values and against numpy, scipy and scikit-learn.
 */
class StoredMetricsTest {
  private static Path file(String name) throws Exception {
    return Path.of(
        StoredMetricsTest.class.getResource("/golden/metrics/" + name + ".safetensors").toURI());
  }

  private static Metrics metrics(String name) throws Exception {
    return metrics(file(name));
  }

  private static Metrics metrics(Path file) {
    try (StoredLogits logits = StoredLogits.open(file)) {
      Metrics metrics = StoredMetrics.of(logits).get("unlearned");
      assertThat(logits.unread()).isEmpty();
      return metrics;
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "class_missing_col_8x10",
        "confident_8x10",
        "disjoint_onehot_1x10",
        "disjoint_onehot_8x10",
        "identical_8x10",
        "rand_16x100",
        "rand_4x1000",
        "rand_64x10",
        "rand_8x10",
        "rand_8x10_tiled4",
        "unnormalised_rows_8x10"
      })
  void divergencesOfProbabilitiesAreThePublishedOnes(String name) throws Exception {
    GoldenFile golden = Golden.file("b_jsdiv");
    Metrics metrics = metrics("b_" + name);
    assertClose(
        "jsd_upstream",
        metrics.jsdUpstream(),
        golden.array(name + "__official_f64").scalar(),
        1e-15,
        1e-9);
    assertClose(
        "jsd", metrics.jsd(), golden.array(name + "__textbook_rowmean_f64").scalar(), 1e-15, 1e-7);
    assertThat(metrics.accForget()).isNull();
    assertThat(metrics.mia()).isNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"c_rfjsd_10cls_full", "c_rfjsd_10cls_missing3", "c_rfjsd_single_class"})
  void rfJsdIsThePublishedOne(String name) throws Exception {
    GoldenFile golden = Golden.file(name);
    Metrics metrics = metrics(name);
    assertClose(
        "upstream", metrics.rfJsdUpstream(), golden.array("rfjsd_closed_f64").scalar(), 0, 1e-6);
    assertClose(
        "textbook", metrics.rfJsd(), golden.array("textbook_rowmean_f64").scalar(), 0, 1e-6);
    assertThat(metrics.rfJsdClasses()).isEqualTo(golden.array("classes_used").data().length);
  }

  /** Without labels: the attack looks at entropies alone. */
  @ParameterizedTest
  @ValueSource(strings = {"d_mia_10cls", "d_mia_nogap"})
  void miaIsThePublishedOne(String name) throws Exception {
    Metrics metrics = metrics(name);
    assertThat(metrics.mia()).isEqualTo(Golden.file(name).array("exact_C1_fraction").scalar());
    assertThat(metrics.accForget()).isNull();
    assertThat(metrics.attacks()).isEqualTo(AttackMetrics.NONE);
    assertThat(metrics.audit().ksStatistic()).isNotNull();
  }

  /** Every tensor that is known, in all element types, against plain numpy. */
  @Test
  void everyMetricOfAWholeFile() throws Exception {
    JsonNode expected =
        new ObjectMapper()
            .readTree(StoredMetricsTest.class.getResource("/golden/metrics/all.json"));
    Map<String, Number> actual = metrics("all").toMap();
    int compared = 0;
    for (Map.Entry<String, Number> entry : actual.entrySet()) {
      String key = entry.getKey();
      if (!expected.has(key)) {
        // seconds and relearning need more than outputs; the interval is drawn by our own Philox.
        assertThat(List.of("seconds", "relearn_forget", "relearn_retain", "rf_jsd_lo", "rf_jsd_hi"))
            .contains(key);
        continue;
      }
      assertClose(key, entry.getValue().doubleValue(), expected.path(key).asDouble(), 1e-12, 2e-7);
      compared++;
    }
    assertThat(compared).isEqualTo(expected.size());
  }

  @Test
  void theRetrainedModelStandsBeside() throws Exception {
    try (StoredLogits logits = StoredLogits.open(file("all"))) {
      Map<String, Metrics> models = StoredMetrics.of(logits);
      assertThat(models.keySet()).containsExactly("retrained", "unlearned");
      Metrics gold = models.get("retrained");
      assertThat(gold.accForget()).isEqualTo(0.55);
      assertThat(gold.attacks().uliraAuc()).isNotNull();
      assertThat(gold.avgGap()).isNull();
      assertThat(gold.jsd()).isNull();
    }
  }

  /** The same logits as floats, through the kernel, and as doubles, in Java. */
  @Test
  void floatsAndDoublesAgree(@TempDir Path folder) throws Exception {
    SplittableRandom random = new SplittableRandom(3);
    Metrics[] results = new Metrics[2];
    float[][] values = new float[4][700 * 7];
    int[][] labels = new int[4][700];
    for (int s = 0; s < 4; s++) {
      for (int i = 0; i < values[s].length; i++) {
        values[s][i] = (float) random.nextDouble(-6, 6);
      }
      for (int i = 0; i < 700; i++) {
        labels[s][i] = random.nextInt(7);
      }
    }
    for (int form = 0; form < 2; form++) {
      TensorFile out = new TensorFile();
      String[] sets = {"forget", "retain", "val", "test"};
      for (int s = 0; s < 4; s++) {
        out.integers(sets[s] + ".labels", "I64", labels[s]);
        out.matrix("unlearned." + sets[s] + ".logits", form == 0 ? "F32" : "F64", 7, values[s]);
      }
      out.matrix("original.test.logits", form == 0 ? "F32" : "F64", 7, values[1]);
      results[form] = metrics(out.write(folder.resolve(form + ".safetensors")));
    }
    Map<String, Number> doubles = results[1].toMap();
    results[0]
        .toMap()
        .forEach(
            (key, value) -> {
              assertThat(value == null).as(key).isEqualTo(doubles.get(key) == null);
              if (value != null) {
                assertClose(key, value.doubleValue(), doubles.get(key).doubleValue(), 1e-12, 1e-5);
              }
            });
    assertThat(results[0].accTest()).isEqualTo(results[1].accTest());
  }

  @Test
  void whatTheWriterWritesIsReadBack(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("logits.safetensors");
    float[] logits = {1, 2, 3, -4, 5e-8f, Float.MAX_VALUE};
    try (LogitsWriter writer = new LogitsWriter(file)) {
      writer.labels("forget", new int[] {2, 0});
      LogitsSink sink = writer.logits("unlearned.forget", 2, 3);
      sink.accept(new float[] {1, 2, 3});
      sink.accept(new float[] {-4, 5e-8f, Float.MAX_VALUE});
      writer.finish();
    }
    try (StoredLogits stored = StoredLogits.open(file)) {
      assertThat(stored.names()).containsExactly("forget.labels", "unlearned.forget.logits");
      assertThat(stored.integers("forget.labels", 3)).containsExactly(2, 0);
      stored.forEachRow(
          "unlearned.forget",
          (row, values) -> {
            for (int c = 0; c < 3; c++) {
              assertThat((float) values[c]).isEqualTo(logits[row * 3 + c]);
            }
          });
    }
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void anUnfinishedFileNeverAppears(@TempDir Path folder) throws Exception {
    try (LogitsWriter writer = new LogitsWriter(folder.resolve("logits.safetensors"))) {
      writer.logits("unlearned.forget", 2, 3).accept(new float[3]);
      org.assertj.core.api.Assertions.assertThatThrownBy(writer::finish)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("unlearned.forget.logits has 12 bytes of 24");
    }
    try (var files = Files.list(folder)) {
      assertThat(files).isEmpty();
    }
  }
}
