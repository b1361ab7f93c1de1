package dev.lotus.report;

import dev.lotus.metric.Statistics.Spread;
import dev.lotus.report.ExperimentResults.Group;
import dev.lotus.report.ExperimentResults.Row;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.DoubleFunction;

/**
 * A table of mean and standard deviation over the runs, gold and originals first, then the methods;
 * the best method of a column is marked. How it is written is {@link ExperimentTables}'s.
 *
 * @param title what it shows
 * @param header one a column, the first for the rows' names
 * @param lines one a row
 */
record ExperimentTable(String title, List<String> header, List<Line> lines) {
  static final String NONE = "-";

  /**
   * @param value mean and deviation, or {@link #NONE}
   * @param detail a gap or an interval, or empty
   * @param best true where no method has less
   */
  record Cell(String value, String detail, boolean best) {
    static final Cell EMPTY = new Cell(NONE, "", false);
  }

  /** A row: the name it is shown by, and a cell for each other column. */
  record Line(Row row, List<Cell> cells) {}

  /** A column before its cells are made. */
  private record Column(
      String title, String metric, boolean gap, DoubleFunction<String> format, double scale) {}

  private static final String PUBLISHED = "avg_gap_published";

  /** Distances to the gold models, which these have none from themselves. */
  private static final Set<String> FROM_GOLD = Set.of("avg_gap", "jsd", "jsd_upstream");

  /**
   * Table 1 of the paper: Avg Gap, both divergences, the time. The published form of the Avg Gap is
   * of the means; those of the divergences are times 10,000, as printed there.
   */
  static ExperimentTable main(Group group) {
    return of(
        group,
        "Distance to the gold standard, and time",
        List.of(
            column("Avg gap", "avg_gap", Numbers::fraction),
            new Column("Avg gap, published", PUBLISHED, false, v -> number("%.4f", v), 1),
            column("JSD", "jsd", Numbers::divergence),
            column("RF-JSD", "rf_jsd", Numbers::divergence),
            new Column("JSD x1e4, published", "jsd_upstream", false, v -> number("%.2f", v), 1e4),
            new Column(
                "RF-JSD x1e4, published", "rf_jsd_upstream", false, v -> number("%.2f", v), 1e4),
            column("Seconds", "seconds", Numbers::seconds)));
  }

  /** The paper's accuracies and MIA, each with the gap of its mean to the gold models'. */
  static ExperimentTable scores(Group group) {
    return of(
        group,
        "MIA and accuracies, with their gaps to the gold standard",
        List.of(
            gap("MIA", "mia"),
            gap("Acc forget", "acc_forget"),
            gap("Acc retain", "acc_retain"),
            gap("Acc test", "acc_test")));
  }

  /** Every metric there is, a line a metric and a column a row of the others. */
  static ExperimentTable everything(Group group) {
    Set<String> metrics = new LinkedHashSet<>();
    group.rows().forEach(row -> metrics.addAll(row.statistics().keySet()));
    List<String> header = new ArrayList<>(List.of("Metric"));
    group.rows().forEach(row -> header.add(row.name()));
    List<Line> lines = new ArrayList<>();
    for (String metric : metrics) {
      List<Cell> cells = new ArrayList<>();
      for (Row row : group.rows()) {
        Spread spread = row.statistics().get(metric);
        cells.add(
            spread == null
                ? Cell.EMPTY
                : new Cell(
                    spread(spread, v -> number("%.4g", v), 1),
                    interval(spread, v -> number("%.4g", v)),
                    false));
      }
      Row named =
          new Row(
              metric, null, null, List.of(), java.util.Map.of(), java.util.Map.of(), null, null);
      lines.add(new Line(named, cells));
    }
    return new ExperimentTable("Every metric, with 95% intervals", header, lines);
  }

  private static Column column(String title, String metric, DoubleFunction<String> format) {
    return new Column(title, metric, false, format, 1);
  }

  private static Column gap(String title, String metric) {
    return new Column(title, metric, true, Numbers::fraction, 1);
  }

  private static ExperimentTable of(Group group, String title, List<Column> columns) {
    List<String> header = new ArrayList<>(List.of("Method"));
    columns.forEach(column -> header.add(column.title()));
    List<Line> lines = new ArrayList<>();
    for (Row row : group.rows()) {
      lines.add(new Line(row, columns.stream().map(column -> cell(group, column, row)).toList()));
    }
    return new ExperimentTable(title, header, lines);
  }

  private static Cell cell(Group group, Column column, Row row) {
    if (column.metric().equals(PUBLISHED)) {
      Double value = row.role() == RunSummary.Role.RETRAINED ? (Double) 0.0 : row.avgGapPublished();
      return value == null
          ? Cell.EMPTY
          : new Cell(column.format().apply(value), "", best(group, column, row));
    }
    Spread spread = row.statistics().get(column.metric());
    if (row.role() == RunSummary.Role.RETRAINED && FROM_GOLD.contains(column.metric())) {
      return new Cell("0", "", false);
    }
    if (spread == null) {
      return Cell.EMPTY;
    }
    String value = spread(spread, column.format(), column.scale());
    Double gap = column.gap() ? row.gaps().get(column.metric()) : null;
    String detail = "";
    if (gap != null) {
      detail = "(" + Numbers.fraction(gap) + ")";
    } else if (column.metric().equals("avg_gap")) {
      detail = interval(spread, column.format());
    }
    return new Cell(value, detail, best(group, column, row));
  }

  /** Compared as shown, so that what looks equal is marked alike. */
  private static boolean best(Group group, Column column, Row row) {
    String own = key(column, row);
    if (row.role() != RunSummary.Role.UNLEARNED || own == null) {
      return false;
    }
    double value = Double.parseDouble(own);
    return group.rows().stream()
        .filter(other -> other.role() == RunSummary.Role.UNLEARNED)
        .map(other -> key(column, other))
        .allMatch(other -> other == null || Double.parseDouble(other) >= value);
  }

  private static String key(Column column, Row row) {
    Double value =
        column.gap()
            ? row.gaps().get(column.metric())
            : column.metric().equals(PUBLISHED) ? row.avgGapPublished() : row.mean(column.metric());
    return value == null ? null : column.format().apply(value * column.scale());
  }

  /** The deviation with as many decimals as the mean. */
  static String spread(Spread spread, DoubleFunction<String> format, double scale) {
    String mean = format.apply(spread.mean() * scale);
    if (spread.std() == null) {
      return mean;
    }
    double std = spread.std() * scale;
    if (mean.contains("e")) {
      return mean + " \u00b1 " + format.apply(std);
    }
    int decimals = mean.contains(".") ? mean.length() - mean.indexOf('.') - 1 : 0;
    return mean + " \u00b1 " + number("%." + decimals + "f", std);
  }

  private static String interval(Spread spread, DoubleFunction<String> format) {
    return spread.low() == null
        ? ""
        : "[" + format.apply(spread.low()) + ", " + format.apply(spread.high()) + "]";
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
