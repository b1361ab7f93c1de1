package dev.lotus.cli;

import dev.lotus.metric.Metrics;
import dev.lotus.metric.StoredLogits;
import dev.lotus.metric.StoredMetrics;
import dev.lotus.report.MetricsTable;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code lotus metrics}: every metric from stored logits of any framework. */
@Command(
    name = "metrics",
    mixinStandardHelpOptions = true,
    description =
        "Every metric from model outputs that any framework stored; docs/metrics.md has the tensors' names.")
final class MetricsCommand implements Callable<Integer> {
  @Option(
      names = "--logits",
      paramLabel = "FILE",
      required = true,
      description =
          "safetensors with unlearned.forget.logits, forget.labels and so on; what is missing gives null.")
  Path file;

  @Option(
      names = "--json",
      description = "Print the unlearned model's metrics.json, and only that, on stdout.")
  boolean json;

  @Option(names = "--debug", description = "Print the stack of an error.")
  boolean debug;

  @Override
  public Integer call() {
    try (StoredLogits logits = StoredLogits.open(file)) {
      Map<String, Metrics> metrics = StoredMetrics.of(logits);
      for (String name : logits.unread()) {
        System.err.println(
            "note: " + file + ": tensor " + name + " is none that a metric reads, or lacks a peer");
      }
      System.out.print(
          json
              ? new String(metrics.get("unlearned").toJson(), StandardCharsets.UTF_8)
              : MetricsTable.text(metrics));
    }
    return Main.DONE;
  }
}
