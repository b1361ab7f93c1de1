package dev.lotus.report;

import dev.lotus.metric.Metrics;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Every metric that any of some models has, a line a key of metrics.json, a column a model. */
public final class MetricsTable {
  private MetricsTable() {}

  /**
   * For a terminal; lines end in newlines. Empty where no model has any metric.
   *
   * @param models by name, in the order of the columns
   */
  public static String text(Map<String, Metrics> models) {
    List<Map<String, Number>> values = new ArrayList<>();
    models.values().forEach(metrics -> values.add(metrics.toMap()));
    Map<String, List<String>> lines = new LinkedHashMap<>();
    lines.put("", new ArrayList<>(models.keySet()));
    for (String key : Metrics.NONE.toMap().keySet()) {
      if (values.stream().anyMatch(map -> map.get(key) != null)) {
        List<String> line = new ArrayList<>();
        values.forEach(map -> line.add(number(map.get(key))));
        lines.put(key, line);
      }
    }
    if (lines.size() == 1) {
      return "";
    }
    int keyWidth = lines.keySet().stream().mapToInt(String::length).max().orElse(0);
    int width =
        lines.values().stream().flatMap(List::stream).mapToInt(String::length).max().orElse(0);
    StringBuilder text = new StringBuilder();
    lines.forEach(
        (key, line) -> {
          text.append(key).append(" ".repeat(keyWidth - key.length()));
          line.forEach(
              value -> text.append("  ").append(" ".repeat(width - value.length())).append(value));
          text.append('\n');
        });
    return text.toString();
  }

  /** Six significant digits; whole numbers as they are. */
  private static String number(Number value) {
    if (value == null) {
      return ResultTable.NONE;
    }
    if (value instanceof Integer || value.doubleValue() == 0) {
      return String.valueOf(value.intValue());
    }
    double size = Math.abs(value.doubleValue());
    return size < 1e-4 || size >= 1e6
        ? String.format(Locale.ROOT, "%.5e", value.doubleValue())
        : String.format(Locale.ROOT, "%.6g", value.doubleValue());
  }
}
