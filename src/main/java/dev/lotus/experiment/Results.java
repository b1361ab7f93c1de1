package dev.lotus.experiment;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lotus.data.Split;
import dev.lotus.metric.AvgGap;
import dev.lotus.metric.Correlation;
import dev.lotus.metric.Statistics;
import dev.lotus.metric.Statistics.Spread;
import dev.lotus.report.ExperimentResults;
import dev.lotus.report.ExperimentResults.Failure;
import dev.lotus.report.ExperimentResults.Group;
import dev.lotus.report.ExperimentResults.Pair;
import dev.lotus.report.ExperimentResults.Row;
import dev.lotus.report.ExperimentResults.Run;
import dev.lotus.report.Histogram;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunRecord;
import dev.lotus.report.RunSummary.Role;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.LibraryVersions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads the results of a plan from the folders of its finished items. */
final class Results {
  /** The scores of the paper's Avg Gap. */
  private static final List<String> GAPS = List.of("mia", "acc_forget", "acc_retain", "acc_test");

  private final Plan plan;
  private final ItemStore store;
  private final AuditResults audit;

  private Results(Plan plan, ItemStore store) {
    this.plan = plan;
    this.store = store;
    this.audit = new AuditResults(store);
  }

  static ExperimentResults collect(
      Plan plan, ItemStore store, List<Failure> failures, Engine engine) {
    Results results = new Results(plan, store);
    Map<String, List<Plan.Cell>> cells = new LinkedHashMap<>();
    for (Plan.Cell cell : plan.cells()) {
      String key = cell.model().name() + "\n" + cell.dataSpec().name();
      cells.computeIfAbsent(key, k -> new ArrayList<>()).add(cell);
    }
    return new ExperimentResults(
        ExperimentResults.SCHEMA,
        plan.spec().name(),
        plan.spec().title(),
        engine.device().describe(),
        engine.precision().toString(),
        LibraryVersions.all(),
        plan.spec(),
        cells.values().stream().map(results::group).toList(),
        List.copyOf(failures));
  }

  private Group group(List<Plan.Cell> cells) {
    Plan.Cell first = cells.get(0);
    List<Row> rows = new ArrayList<>();
    Row gold = null;
    if (first.gold() != null) {
      List<Run> runs = new ArrayList<>();
      cells.forEach(cell -> add(runs, cell, cell.gold(), null, null));
      gold = row("Gold", Role.RETRAINED, null, runs, null, null);
      rows.add(gold);
    }
    List<Run> originals = new ArrayList<>();
    cells.forEach(cell -> add(originals, cell, cell.original(), null, null));
    rows.add(row("Original", Role.ORIGINAL, null, originals, gold, null));
    for (ExperimentSpec.MethodSpec method : plan.spec().methods()) {
      List<Run> runs = new ArrayList<>();
      for (Plan.Cell cell : cells) {
        for (Plan.Unlearning run : cell.runs()) {
          if (run.method().name().equals(method.name())) {
            add(runs, cell, run.item(), run.config().seed(), method.name());
          }
        }
      }
      rows.add(
          row(
              method.name(),
              Role.UNLEARNED,
              method.method(),
              runs,
              gold,
              audit.forgetting(cells, method.name())));
    }
    Split split = first.data().split();
    Map<String, Integer> samples = new LinkedHashMap<>();
    samples.put("forget", split.forget().length);
    samples.put("retain", split.retain().length);
    samples.put("val", split.val().length);
    samples.put("test", split.test().length);
    return new Group(
        first.model().name(),
        first.dataSpec().name(),
        first.data().dataset().name(),
        first.data().dataset().sha256(),
        samples,
        rows,
        correlations(rows));
  }

  /**
   * @param method name of its row; null for a trained model
   */
  private void add(
      List<Run> runs, Plan.Cell cell, WorkItem item, Long unlearningSeed, String method) {
    RunFolder scores = store.scores(item, cell.splitSha256());
    if (!store.finished(item)
        || !store.scored(scores, WorkClock.scoreSha256(cell, item, store.hasGold(cell)))) {
      return;
    }
    RunRecord record = store.folder(item).readRun();
    runs.add(
        new Run(
            item.id(),
            cell.seed(),
            unlearningSeed,
            record.configuration(),
            audit.add(scores.readMetrics(), cell, item, method).toMap(),
            record.trace(),
            histograms(store.entropies(scores))));
  }

  private static Map<String, Histogram> histograms(JsonNode sets) {
    Map<String, Histogram> histograms = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> set : sets.properties()) {
      JsonNode node = set.getValue();
      long[] counts = new long[node.path("counts").size()];
      for (int i = 0; i < counts.length; i++) {
        counts[i] = node.path("counts").get(i).longValue();
      }
      histograms.put(
          set.getKey(),
          new Histogram(
              node.path("low").doubleValue(),
              node.path("high").doubleValue(),
              counts,
              node.path("mean").doubleValue()));
    }
    return histograms;
  }

  /** Statistics of whatever numeric metrics the runs have. */
  static Row row(
      String name,
      Role role,
      String method,
      List<Run> runs,
      Row gold,
      ExperimentResults.Forgetting forgetting) {
    Set<String> keys = new LinkedHashSet<>();
    runs.forEach(run -> keys.addAll(run.metrics().keySet()));
    Map<String, Spread> statistics = new LinkedHashMap<>();
    for (String key : keys) {
      Map<Long, List<Double>> bySeed = new LinkedHashMap<>();
      for (Run run : runs) {
        Number value = run.metrics().get(key);
        if (value != null) {
          bySeed
              .computeIfAbsent(run.trainingSeed(), seed -> new ArrayList<>())
              .add(value.doubleValue());
        }
      }
      if (!bySeed.isEmpty()) {
        statistics.put(key, Statistics.spread(bySeed));
      }
    }
    Map<String, Double> gaps = new LinkedHashMap<>();
    if (gold != null) {
      for (String key : GAPS) {
        Spread own = statistics.get(key);
        Spread goal = gold.statistics().get(key);
        if (own != null && goal != null) {
          gaps.put(key, Math.abs(own.mean() - goal.mean()));
        }
      }
    }
    Double published =
        gaps.size() == GAPS.size()
            ? (Double) AvgGap.published(means(statistics), means(gold.statistics()))
            : null;
    return new Row(name, role, method, runs, statistics, gaps, published, forgetting);
  }

  private static AvgGap.Scores means(Map<String, Spread> statistics) {
    return new AvgGap.Scores(
        statistics.get("mia").mean(),
        statistics.get("acc_forget").mean(),
        statistics.get("acc_retain").mean(),
        statistics.get("acc_test").mean());
  }

  private static List<Pair> correlations(List<Row> rows) {
    List<Pair> pairs = new ArrayList<>();
    for (String form : List.of("", "_upstream")) {
      String x = "rf_jsd" + form;
      String y = "jsd" + form;
      List<double[]> runs = new ArrayList<>();
      List<double[]> means = new ArrayList<>();
      for (Row row : rows) {
        Spread meanX = row.statistics().get(x);
        Spread meanY = row.statistics().get(y);
        if (row.role() == Role.RETRAINED && meanX != null) {
          means.add(new double[] {meanX.mean(), 0});
        }
        if (row.role() != Role.UNLEARNED) {
          continue;
        }
        if (meanX != null && meanY != null) {
          means.add(new double[] {meanX.mean(), meanY.mean()});
        }
        for (Run run : row.runs()) {
          Number ownX = run.metrics().get(x);
          Number ownY = run.metrics().get(y);
          if (ownX != null && ownY != null) {
            runs.add(new double[] {ownX.doubleValue(), ownY.doubleValue()});
          }
        }
      }
      pairs.add(pair(x, y, "runs", runs));
      pairs.add(pair(x, y, "means", means));
    }
    return pairs;
  }

  private static Pair pair(String x, String y, String over, List<double[]> points) {
    return new Pair(
        x,
        y,
        over,
        Correlation.pearson(
            points.stream().mapToDouble(p -> p[0]).toArray(),
            points.stream().mapToDouble(p -> p[1]).toArray()));
  }
}
