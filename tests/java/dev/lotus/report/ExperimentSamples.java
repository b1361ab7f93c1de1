package dev.lotus.report;

import dev.lotus.metric.AvgGap;
import dev.lotus.metric.Correlation;
import dev.lotus.metric.Metrics;
import dev.lotus.metric.Statistics;
import dev.lotus.metric.Statistics.Spread;
import dev.lotus.report.ExperimentResults.Failure;
import dev.lotus.report.ExperimentResults.Group;
import dev.lotus.report.ExperimentResults.Pair;
import dev.lotus.report.ExperimentResults.Row;
import dev.lotus.report.ExperimentResults.Run;
import dev.lotus.report.RunSummary.Role;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Made-up results of three seeds, of realistic shape. */
final class ExperimentSamples {
  private static final long[] SEEDS = {3407, 13, 12};

  private ExperimentSamples() {}

  /** Two methods and a failure; the names are hostile. */
  static ExperimentResults small() {
    return results(List.of("LoTUS", "A & B|*_<i>"), List.of(failure()));
  }

  /** The same after an audit with eight shadow models; the second method forgot nothing. */
  static ExperimentResults audited() {
    ExperimentResults small = small();
    Group group = small.groups().get(0);
    List<Row> rows = new ArrayList<>();
    for (Row row : group.rows()) {
      boolean forgot = row.role() == Role.RETRAINED || row.name().equals("LoTUS");
      Map<String, Spread> statistics = new LinkedHashMap<>(row.statistics());
      statistics.put("ulira_auc", new Spread(forgot ? 0.481 : 0.93, 0.012, 3, 3, 0.4, 0.5));
      statistics.put("ulira_tpr_1", new Spread(forgot ? 0.011 : 0.2, 0.004, 3, 3, 0.0, 0.1));
      statistics.put("ulira_models", new Spread(8, 0.0, 3, 3, 8.0, 8.0));
      statistics.put("ulira_few", new Spread(1, 0.0, 3, 3, 1.0, 1.0));
      statistics.put("rmia_auc", new Spread(forgot ? 0.51 : 0.91, 0.02, 3, 3, 0.4, 0.6));
      statistics.put("attack_auc", new Spread(forgot ? 0.523 : 0.8, 0.01, 3, 3, 0.5, 0.6));
      if (row.role() != Role.ORIGINAL) {
        statistics.put("relearn_forget", new Spread(forgot ? 20.667 : 1, 0.577, 3, 3, 19.0, 22.0));
        statistics.put("relearn_retain", new Spread(21, 0.0, 3, 3, 21.0, 21.0));
      }
      boolean method = row.role() == Role.UNLEARNED;
      rows.add(
          new Row(
              row.name(),
              row.role(),
              row.method(),
              row.runs(),
              statistics,
              row.gaps(),
              row.avgGapPublished(),
              method
                  ? new ExperimentResults.Forgetting(3, forgot ? 0.7 : 0.1, forgot ? 0.69 : 0.1)
                  : null));
    }
    Group audited =
        new Group(
            group.model(),
            group.data(),
            group.dataset(),
            group.dataSha256(),
            group.samples(),
            rows,
            group.correlations());
    return new ExperimentResults(
        small.schema(),
        small.name(),
        small.title(),
        small.device(),
        small.precision(),
        small.versions(),
        small.configuration(),
        List.of(audited),
        List.of());
  }

  /** As many methods as the paper has. */
  static ExperimentResults paper() {
    return results(
        List.of(
            "Finetuning",
            "NegGrad+",
            "Rnd Labeling",
            "Bad Teacher",
            "SCRUB",
            "SSD",
            "UNSIR",
            "SalUn(RL)",
            "LoTUS",
            "LoTUS(CIFAKE)"),
        List.of());
  }

  private static Failure failure() {
    return new Failure(
        "ResNet18", "CIFAR-10", "Wild", 13, 13L, "unlearned-0", "the loss became NaN in epoch 1");
  }

  private static ExperimentResults results(List<String> methods, List<Failure> failures) {
    Map<String, Integer> samples = new LinkedHashMap<>();
    samples.put("forget", 5000);
    samples.put("retain", 45000);
    samples.put("val", 5000);
    samples.put("test", 5000);
    List<Row> rows = new ArrayList<>();
    Row gold = row("Gold", Role.RETRAINED, 0, null);
    rows.add(gold);
    rows.add(row("Original", Role.ORIGINAL, 1, gold));
    for (int i = 0; i < methods.size(); i++) {
      rows.add(row(methods.get(i), Role.UNLEARNED, 2 + i, gold));
    }
    Group group =
        new Group("ResNet18", "CIFAR-10", "cifar10", "0".repeat(64), samples, rows, pairs(rows));
    Map<String, String> versions = new LinkedHashMap<>();
    versions.put("lotus", "0.1.0");
    return new ExperimentResults(
        1,
        "sample",
        "ResNet18 on CIFAR-10",
        "cpu (2 threads)",
        "fp32",
        versions,
        Map.of(),
        List.of(group),
        failures);
  }

  private static Row row(String name, Role role, int number, Row gold) {
    List<Run> runs = new ArrayList<>();
    Map<String, Map<Long, List<Double>>> values = new LinkedHashMap<>();
    for (int i = 0; i < SEEDS.length; i++) {
      SplittableRandom random = new SplittableRandom(100L * number + i);
      double shift = role == Role.RETRAINED ? 0 : 0.01 + 0.02 * number + 0.02 * random.nextDouble();
      Metrics metrics =
          Samples.metrics(
              0.9 + (number % 3) * 0.03,
              0.99 - shift / 2,
              0.91 - shift / 3,
              0.76 + shift / 2,
              shift,
              0.3 * shift + 0.002 * random.nextDouble(),
              shift / 2,
              role == Role.UNLEARNED ? 10 + 9 * number + random.nextDouble() : 300 + i);
      Map<String, Number> map = new LinkedHashMap<>(metrics.toMap());
      if (role == Role.RETRAINED) {
        List.of("jsd", "jsd_upstream", "jsd_bt", "avg_gap", "avg_gap_published")
            .forEach(key -> map.put(key, null));
      }
      long seed = SEEDS[i];
      map.forEach(
          (key, value) -> {
            if (value != null) {
              values
                  .computeIfAbsent(key, k -> new LinkedHashMap<>())
                  .put(seed, List.of(value.doubleValue()));
            }
          });
      Map<String, String> configuration = new LinkedHashMap<>();
      configuration.put("epochs", "10");
      Map<String, Histogram> entropies = new LinkedHashMap<>();
      entropies.put("retain", Samples.histogram(number, 4500, 0.06));
      entropies.put("test", Samples.histogram(number + 20, 500, 0.5));
      entropies.put("forget", Samples.histogram(number + 40, 500, 0.1 + 0.1 * (number % 5)));
      runs.add(
          new Run(
              role.name().toLowerCase(java.util.Locale.ROOT) + "-" + number + i,
              seed,
              role == Role.UNLEARNED ? (Long) seed : null,
              configuration,
              map,
              number > 8 ? Samples.lotus().trace() : Samples.finetune().trace(),
              entropies));
    }
    Map<String, Spread> statistics = new LinkedHashMap<>();
    values.forEach((key, bySeed) -> statistics.put(key, Statistics.spread(bySeed)));
    Map<String, Double> gaps = new LinkedHashMap<>();
    if (gold != null) {
      for (String key : List.of("mia", "acc_forget", "acc_retain", "acc_test")) {
        gaps.put(key, Math.abs(statistics.get(key).mean() - gold.statistics().get(key).mean()));
      }
    }
    return new Row(
        name,
        role,
        role == Role.UNLEARNED ? "lotus" : null,
        runs,
        statistics,
        gaps,
        gold == null
            ? null
            : (Double) AvgGap.published(scores(statistics), scores(gold.statistics())),
        null);
  }

  private static AvgGap.Scores scores(Map<String, Spread> statistics) {
    return new AvgGap.Scores(
        statistics.get("mia").mean(),
        statistics.get("acc_forget").mean(),
        statistics.get("acc_retain").mean(),
        statistics.get("acc_test").mean());
  }

  private static List<Pair> pairs(List<Row> rows) {
    List<double[]> points = new ArrayList<>();
    for (Row row : rows) {
      for (Run run : row.runs()) {
        if (row.role() == Role.UNLEARNED) {
          points.add(new double[] {run.metric("rf_jsd"), run.metric("jsd")});
        }
      }
    }
    return List.of(
        new Pair(
            "rf_jsd",
            "jsd",
            "runs",
            Correlation.pearson(
                points.stream().mapToDouble(p -> p[0]).toArray(),
                points.stream().mapToDouble(p -> p[1]).toArray())));
  }
}
