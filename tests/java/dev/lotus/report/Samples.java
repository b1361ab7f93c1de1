package dev.lotus.report;

import dev.lotus.metric.AttackMetrics;
import dev.lotus.metric.AuditMetrics;
import dev.lotus.metric.Metrics;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Plain data as a demo run leaves them: four models, ten classes, made up but of realistic shape.
 */
final class Samples {
  static final Metrics NO_METRICS = Metrics.NONE;

  private Samples() {}

  static ReportData demo() {
    Map<String, String> versions = new LinkedHashMap<>();
    versions.put("lotus", "0.1.0");
    versions.put("java", "17.0.15+6-Debian-1deb12u1");
    versions.put("libtorch", "2.10.0");
    versions.put("device", "CPU, 2 threads, AVX-512");
    return new ReportData(
        "lotus demo: synthetic, ResNet18 at quarter width, seed 3407",
        null,
        List.of(original(), retrained(), lotus(), finetune()),
        versions);
  }

  static RunSummary original() {
    return new RunSummary(
        "Original",
        RunSummary.Role.ORIGINAL,
        metrics(0.998, 0.999, 0.801, 0.942, 0.0931, 0.0412, 0.105, 21.4),
        training(12, 2.3),
        null,
        entropies(1, 0.06, 0.55, 0.06),
        seconds("training", 21.4, "evaluation", 1.21),
        configuration("train", "0.1"));
  }

  static RunSummary retrained() {
    return new RunSummary(
        "Retrained",
        RunSummary.Role.RETRAINED,
        metrics(0.806, 0.999, 0.795, 0.418, 0.0, 0.0056, 0.0, 19.9),
        training(14, 2.2),
        null,
        entropies(2, 0.06, 0.56, 0.53),
        seconds("training", 19.9, "evaluation", 1.17),
        configuration("train on retain", "0.1"));
  }

  static RunSummary lotus() {
    List<EpochTrace> trace = new ArrayList<>();
    double[] forget = {0.998, 0.96, 0.93, 0.9, 0.872, 0.86, 0.845, 0.836, 0.83, 0.822};
    for (int e = 1; e <= 10; e++) {
      double acc = forget[e - 1];
      trace.add(
          new EpochTrace(e, Math.exp(8 * (acc - 0.795)), acc, 0.795, 1.9 / Math.sqrt(e), 0.31));
    }
    return new RunSummary(
        "LoTUS",
        RunSummary.Role.UNLEARNED,
        metrics(0.822, 0.981, 0.788, 0.472, 0.0312, 0.0123, 0.0242, 3.27),
        trace,
        entropies(1, 0.06, 0.55, 0.06),
        entropies(3, 0.12, 0.6, 0.5),
        seconds("preparation", 0.18, "epochs", 3.09, "evaluation", 1.19),
        configuration("lotus", "0.0001"));
  }

  static RunSummary finetune() {
    List<EpochTrace> trace = new ArrayList<>();
    for (int e = 1; e <= 10; e++) {
      trace.add(new EpochTrace(e, null, 0.998 - 0.003 * e, 0.795, 0.09 / e, 0.42));
    }
    return new RunSummary(
        "Finetune",
        RunSummary.Role.UNLEARNED,
        metrics(0.968, 0.999, 0.803, 0.851, 0.0744, 0.0317, 0.0831, 4.2),
        trace,
        entropies(1, 0.06, 0.55, 0.06),
        entropies(4, 0.05, 0.52, 0.12),
        seconds("epochs", 4.2, "evaluation", 1.2),
        configuration("finetune", "0.001"));
  }

  static Metrics metrics(
      double forget,
      double retain,
      double test,
      double mia,
      double jsd,
      double rf,
      double gap,
      double seconds) {
    return new Metrics(
        forget,
        retain,
        test,
        0.79,
        mia,
        jsd,
        jsd / 50,
        jsd / 10,
        rf,
        rf * 0.71,
        rf * 1.38,
        rf / 10,
        10,
        gap,
        gap,
        seconds,
        AttackMetrics.NONE,
        AuditMetrics.NONE);
  }

  private static List<EpochTrace> training(int epochs, double start) {
    List<EpochTrace> trace = new ArrayList<>();
    for (int e = 1; e <= epochs; e++) {
      trace.add(new EpochTrace(e, null, null, null, start * Math.exp(-0.3 * e), 1.8));
    }
    return trace;
  }

  private static Map<String, Histogram> entropies(
      long seed, double retain, double test, double forget) {
    Map<String, Histogram> map = new LinkedHashMap<>();
    map.put("forget", histogram(seed, 500, forget));
    map.put("retain", histogram(seed + 10, 4500, retain));
    map.put("test", histogram(seed + 20, 500, test));
    return map;
  }

  /** Exponentially distributed entropies of the given mean, below ln 10. */
  static Histogram histogram(long seed, int samples, double mean) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] values = new float[samples];
    for (int i = 0; i < samples; i++) {
      values[i] = (float) Math.min(Math.log(10), -mean * Math.log(1 - random.nextDouble()));
    }
    return Histogram.ofEntropies(values, 10);
  }

  private static Map<String, Double> seconds(Object... pairs) {
    Map<String, Double> map = new LinkedHashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      map.put((String) pairs[i], (Double) pairs[i + 1]);
    }
    return map;
  }

  private static Map<String, String> configuration(String method, String rate) {
    Map<String, String> map = new LinkedHashMap<>();
    map.put("method", method);
    map.put("dataset", "synthetic");
    map.put("data sha256", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    map.put("split sha256", "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752");
    map.put("seed", "3407");
    map.put("batch", "128");
    map.put("learning rate", rate);
    map.put("weight decay", "0.0005");
    map.put("precision", "fp32");
    return map;
  }
}
