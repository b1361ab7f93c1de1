package dev.lotus.report;

import dev.lotus.metric.Metrics;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;

/**
 * The table of models by metrics, the retrained model first as the gold standard, the others in the
 * order given. The gap to the retrained model stands in parentheses, as in the paper's tables; a
 * missing value is a dash.
 */
public final class ResultTable {
  /** What a missing value looks like. */
  static final String NONE = "-";

  static final List<String> HEADER =
      List.of(
          "Model",
          "Acc forget",
          "Acc retain",
          "Acc test",
          "MIA",
          "Avg gap",
          "JSD",
          "RF-JSD [95%]",
          "Seconds");

  /**
   * One entry.
   *
   * @param value the number
   * @param detail the gap in parentheses, or an interval in brackets; empty where there is none
   */
  record Cell(String value, String detail) {
    String text() {
      return detail.isEmpty() ? value : value + " " + detail;
    }
  }

  /**
   * One model.
   *
   * @param run what the row is about
   * @param cells one for each of {@link #HEADER} but the first
   */
  record Row(RunSummary run, List<Cell> cells) {}

  private final List<Row> rows;

  private ResultTable(List<Row> rows) {
    this.rows = rows;
  }

  /** Gaps are taken to the first model whose role is RETRAINED; without one there are none. */
  public static ResultTable of(List<RunSummary> runs) {
    List<RunSummary> ordered = new ArrayList<>(runs);
    ordered.sort(Comparator.comparing(run -> run.role() != RunSummary.Role.RETRAINED));
    RunSummary gold =
        ordered.isEmpty() || ordered.get(0).role() != RunSummary.Role.RETRAINED
            ? null
            : ordered.get(0);
    return new ResultTable(ordered.stream().map(run -> row(run, gold)).toList());
  }

  List<Row> rows() {
    return rows;
  }

  private static Row row(RunSummary run, RunSummary gold) {
    Metrics m = run.metrics();
    return new Row(
        run,
        List.of(
            score(run, gold, Metrics::accForget),
            score(run, gold, Metrics::accRetain),
            score(run, gold, Metrics::accTest),
            score(run, gold, Metrics::mia),
            new Cell(m.avgGap() == null ? NONE : Numbers.fraction(m.avgGap()), ""),
            new Cell(m.jsd() == null ? NONE : Numbers.divergence(m.jsd()), ""),
            rfJsd(m),
            new Cell(m.seconds() == null ? NONE : Numbers.seconds(m.seconds()), "")));
  }

  private static Cell score(RunSummary run, RunSummary gold, Function<Metrics, Double> metric) {
    Double value = metric.apply(run.metrics());
    if (value == null) {
      return new Cell(NONE, "");
    }
    Double reference = gold == null || gold == run ? null : metric.apply(gold.metrics());
    return new Cell(
        Numbers.fraction(value),
        reference == null ? "" : "(" + Numbers.fraction(Math.abs(value - reference)) + ")");
  }

  private static Cell rfJsd(Metrics m) {
    if (m.rfJsd() == null) {
      return new Cell(NONE, "");
    }
    boolean interval = m.rfJsdLo() != null && m.rfJsdHi() != null;
    return new Cell(
        Numbers.divergence(m.rfJsd()),
        interval
            ? "[" + Numbers.divergence(m.rfJsdLo()) + ", " + Numbers.divergence(m.rfJsdHi()) + "]"
            : "");
  }

  /**
   * For a terminal: names left, numbers right, gaps and intervals in a column of their own beside
   * them; lines end in newlines.
   */
  public String text() {
    int columns = HEADER.size();
    int nameWidth = length(HEADER.get(0));
    int[] values = new int[columns];
    int[] details = new int[columns];
    for (Row row : rows) {
      nameWidth = Math.max(nameWidth, length(printable(row.run().name())));
      for (int c = 1; c < columns; c++) {
        Cell cell = row.cells().get(c - 1);
        values[c] = Math.max(values[c], cell.value().length());
        details[c] = Math.max(details[c], cell.detail().isEmpty() ? 0 : cell.detail().length() + 1);
      }
    }
    StringBuilder header = new StringBuilder(padRight(HEADER.get(0), nameWidth));
    for (int c = 1; c < columns; c++) {
      values[c] = Math.max(values[c], HEADER.get(c).length() - details[c]);
      header.append("  ").append(padLeft(HEADER.get(c), values[c] + details[c]));
    }
    StringBuilder out =
        new StringBuilder(header).append('\n').append("-".repeat(length(header.toString())));
    out.append('\n');
    for (Row row : rows) {
      StringBuilder line = new StringBuilder(padRight(printable(row.run().name()), nameWidth));
      for (int c = 1; c < columns; c++) {
        Cell cell = row.cells().get(c - 1);
        String detail = cell.detail().isEmpty() ? "" : " " + cell.detail();
        line.append("  ")
            .append(padLeft(cell.value(), values[c]))
            .append(padRight(detail, details[c]));
      }
      out.append(line.toString().stripTrailing()).append('\n');
    }
    return out.toString();
  }

  private static String padLeft(String text, int width) {
    return " ".repeat(Math.max(0, width - length(text))) + text;
  }

  private static String padRight(String text, int width) {
    return text + " ".repeat(Math.max(0, width - length(text)));
  }

  /** For a document: a table in GitHub's Markdown. */
  public String markdown() {
    StringBuilder out = new StringBuilder("| " + String.join(" | ", HEADER) + " |\n| --- |");
    out.append(" ---: |".repeat(HEADER.size() - 1)).append('\n');
    for (Row row : rows) {
      String name =
          printable(row.run().name())
              .replace("\\", "\\\\")
              .replace("|", "\\|")
              .replace("<", "&lt;");
      out.append("| ").append(name).append(" |");
      row.cells().forEach(cell -> out.append(' ').append(cell.text()).append(" |"));
      out.append('\n');
    }
    return out.toString();
  }

  private static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  /** Control characters would move a terminal's cursor or break a line of Markdown. */
  private static String printable(String name) {
    return name.replaceAll("\\p{Cntrl}", " ").strip();
  }
}
