package dev.lotus.report;

import dev.lotus.report.ExperimentResults.Group;
import dev.lotus.report.ExperimentResults.Pair;
import dev.lotus.report.ExperimentResults.Row;
import dev.lotus.report.ExperimentResults.Run;
import dev.lotus.report.ExperimentTable.Cell;
import dev.lotus.report.ExperimentTable.Line;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/**
 * An experiment's report.html, made like {@link HtmlReport}'s: the verdict, then for each model and
 * data set the paper's tables and the audit's, RF-JSD against JSD, time against Avg Gap, the curves
 * by epoch and the entropies; what failed, and the settings.
 */
public final class ExperimentPage {
  private ExperimentPage() {}

  /** The page's text; UTF-8 when written. */
  public static String render(ExperimentResults results) {
    Markup out = new Markup();
    HtmlReport.begin(out, results.title(), verdict(results));
    failures(out, results);
    for (int i = 0; i < results.groups().size(); i++) {
      Group group = results.groups().get(i);
      boolean only = results.groups().size() == 1;
      group(out, group, new PageCharts.Part("g" + i + "-", only ? "" : ": " + group.name()));
    }
    settings(out, results);
    out.close("main").close("body").close("html");
    return out.toString();
  }

  private static String verdict(ExperimentResults results) {
    List<String> sentences = new ArrayList<>();
    for (Group group : results.groups()) {
      Row best =
          group.rows().stream()
              .filter(row -> row.role() == RunSummary.Role.UNLEARNED && row.mean("avg_gap") != null)
              .min(Comparator.comparing(row -> row.mean("avg_gap")))
              .orElse(null);
      Row original =
          group.rows().stream()
              .filter(row -> row.role() == RunSummary.Role.ORIGINAL)
              .findFirst()
              .orElse(null);
      Double before = original == null ? null : original.mean("avg_gap");
      if (best != null) {
        double gap = best.mean("avg_gap");
        boolean closer = before == null || gap < before;
        sentences.add(
            group.name()
                + ": "
                + (closer ? "" : "no method comes closer to the gold standard than the original; ")
                + best.name()
                + (closer ? " comes closest to the gold standard" : " comes nearest")
                + ", average gap "
                + Numbers.fraction(gap)
                + (before == null ? "" : " against " + Numbers.fraction(before) + " before")
                + ".");
      }
    }
    return sentences.isEmpty()
        ? "No method was compared with a gold standard here."
        : String.join(" ", sentences);
  }

  private static void failures(Markup out, ExperimentResults results) {
    if (results.failures().isEmpty()) {
      return;
    }
    out.element("h2", "What failed").open("ul");
    results.failures().forEach(f -> out.element("li", ExperimentTables.sentence(f)));
    out.close("ul");
  }

  private static void group(Markup out, Group group, PageCharts.Part part) {
    List<ExperimentTable> tables = ExperimentTables.of(group);
    for (int i = 0; i < tables.size(); i++) {
      ExperimentTable table = tables.get(i);
      String id = part.prefix() + "table-" + i;
      out.element("h2", table.title() + part.suffix(), "id", id);
      cards(out, table, id);
    }
    out.element("p", note(group), "class", "note");
    if (AuditTable.has(group)) {
      out.element("p", AuditTable.note(group), "class", "note");
    }
    details(out, "Every metric, with 95% intervals", ExperimentTable.everything(group));
    out.element("h2", "What tells how far from the goal" + part.suffix());
    out.open("div", "class", "grid-figures by-two");
    scatter(
        out,
        group,
        part.prefix() + "jsd",
        "RF-JSD against JSD",
        "RF-JSD",
        "rf_jsd",
        "JSD",
        "jsd",
        correlation(group));
    scatter(
        out,
        group,
        part.prefix() + "time",
        "Time against average gap",
        "seconds",
        "seconds",
        "average gap",
        "avg_gap",
        "Down and to the left is better: closer to the gold standard in less time.");
    out.close("div");
    runs(out, group);
    List<RunSummary> shown = firstRuns(group);
    PageCharts.curves(out, shown, part);
    out.element("p", "Shown are the runs of the first seeds.", "class", "note");
    traces(out, shown);
    PageCharts.entropies(out, shown, part);
  }

  private static String note(Group group) {
    int runs = group.rows().stream().mapToInt(row -> row.runs().size()).max().orElse(0);
    return String.format(
            Locale.ROOT,
            "Mean \u00b1 standard deviation over up to %d runs; in brackets the 95%% interval over"
                + " the training seeds, in parentheses the gap of the means. %,d samples are"
                + " forgotten, %,d kept. Bold: the best method. ",
            runs,
            group.samples().get("forget"),
            group.samples().get("retain"))
        + "JSD is to the gold model on the forget set; published forms are those of the paper's"
        + " tables. RF-JSD needs no gold model.";
  }

  /** A table whose rows become cards on a phone; roles keep it a table for readers' aids. */
  private static void cards(Markup out, ExperimentTable table, String id) {
    out.open("table", "class", "results named", "role", "table", "aria-labelledby", id);
    out.open("thead", "role", "rowgroup").open("tr", "role", "row");
    for (String header : table.header()) {
      out.element("th", header, "scope", "col", "role", "columnheader");
    }
    out.close("tr").close("thead").open("tbody", "role", "rowgroup");
    for (Line line : table.lines()) {
      boolean trained = line.row().role() != RunSummary.Role.UNLEARNED;
      out.open("tr", "role", "row", "class", trained ? "gold" : null);
      out.open("th", "scope", "row", "role", "rowheader").text(line.row().name());
      if (trained) {
        out.element("span", HtmlReport.tag(line.row().role()), "class", "tag");
      }
      out.close("th");
      for (int c = 0; c < line.cells().size(); c++) {
        Cell cell = line.cells().get(c);
        boolean missing = cell.value().equals(ExperimentTable.NONE);
        out.open(
            "td",
            "role",
            "cell",
            "data-label",
            table.header().get(c + 1),
            "class",
            missing ? "missing" : null);
        if (cell.best()) {
          out.element("strong", cell.value());
        } else {
          out.text(missing ? "\u2013" : cell.value());
        }
        if (!cell.detail().isEmpty()) {
          out.raw(" ").element("span", cell.detail(), "class", "detail");
        }
        out.close("td");
      }
      out.close("tr");
    }
    out.close("tbody").close("table");
  }

  private static String correlation(Group group) {
    List<String> texts = new ArrayList<>();
    for (Pair pair : group.correlations()) {
      if (pair.correlation().r() != null) {
        texts.add(ExperimentTables.sentence(pair));
      }
    }
    return texts.isEmpty()
        ? "Too few runs for a correlation."
        : "If RF-JSD goes with JSD, no gold model is needed to judge. "
            + String.join("; ", texts)
            + ".";
  }

  private static void scatter(
      Markup out,
      Group group,
      String id,
      String title,
      String labelX,
      String x,
      String labelY,
      String y,
      String caption) {
    List<ScatterChart.Series> series = new ArrayList<>();
    int index = 0;
    for (Row row : group.rows()) {
      if (row.role() != RunSummary.Role.UNLEARNED) {
        continue;
      }
      List<ScatterChart.Point> points = new ArrayList<>();
      for (Run run : row.runs()) {
        if (run.metric(x) != null && run.metric(y) != null) {
          points.add(
              new ScatterChart.Point(row.name() + ", " + seeds(run), run.metric(x), run.metric(y)));
        }
      }
      if (!points.isEmpty()) {
        series.add(new ScatterChart.Series(row.name(), index, points));
      }
      index++;
    }
    String description =
        "One mark a run of "
            + series.size()
            + " methods; the numbers are in the table of all runs.";
    String svg = ScatterChart.render("scatter-" + id, title, description, labelX, labelY, series);
    if (svg.isEmpty()) {
      return;
    }
    out.open("figure").element("h3", title).open("ul", "class", "legend");
    for (ScatterChart.Series one : series) {
      out.open("li");
      PageCharts.swatch(
          out, null, "mark hollow " + one.style(), LineChart.marker(one.index(), 17, 7));
      out.text(one.name()).close("li");
    }
    out.close("ul").raw(svg);
    out.open("figcaption").element("p", caption).close("figcaption").close("figure");
  }

  private static String seeds(Run run) {
    return run.unlearningSeed() == null || run.unlearningSeed() == run.trainingSeed()
        ? "seed " + run.trainingSeed()
        : "seeds " + run.trainingSeed() + "/" + run.unlearningSeed();
  }

  private static void runs(Markup out, Group group) {
    List<String> metrics = List.of("avg_gap", "mia", "acc_forget", "jsd", "rf_jsd", "seconds");
    List<String> header = new ArrayList<>(List.of("Run"));
    header.addAll(metrics);
    List<List<String>> lines = new ArrayList<>();
    for (Row row : group.rows()) {
      for (Run run : row.runs()) {
        List<String> line = new ArrayList<>(List.of(row.name() + ", " + seeds(run)));
        metrics.forEach(metric -> line.add(text(run.metric(metric))));
        lines.add(line);
      }
    }
    plain(out, "All runs", header, lines);
  }

  /** The curves' numbers, for those who cannot see them. */
  private static void traces(Markup out, List<RunSummary> runs) {
    List<Function<EpochTrace, Double>> columns =
        List.of(EpochTrace::tau, EpochTrace::accForget, EpochTrace::accUnseen, EpochTrace::loss);
    List<List<String>> lines = new ArrayList<>();
    for (RunSummary run : runs) {
      for (EpochTrace epoch : run.trace()) {
        List<String> line = new ArrayList<>(List.of(run.name() + ", epoch " + epoch.epoch()));
        columns.forEach(column -> line.add(text(column.apply(epoch))));
        lines.add(line);
      }
    }
    plain(
        out,
        "The curves' numbers",
        List.of("Epoch", "Temperature", "Acc forget", "Acc unseen", "Loss"),
        lines);
  }

  private static String text(Double value) {
    return value == null ? "\u2013" : String.format(Locale.ROOT, "%.4g", value);
  }

  private static void details(Markup out, String title, ExperimentTable table) {
    List<List<String>> lines = new ArrayList<>();
    for (Line line : table.lines()) {
      List<String> texts = new ArrayList<>(List.of(line.row().name()));
      line.cells().forEach(cell -> texts.add((cell.value() + " " + cell.detail()).strip()));
      lines.add(texts);
    }
    plain(out, title, table.header(), lines);
  }

  /** A folded table that scrolls sideways by itself; it can be reached by the keyboard to do so. */
  private static void plain(
      Markup out, String title, List<String> header, List<List<String>> lines) {
    out.open("details").element("summary", title);
    out.open("div", "class", "wide", "tabindex", "0", "role", "region", "aria-label", title);
    out.open("table").open("thead").open("tr");
    header.forEach(text -> out.element("th", text, "scope", "col"));
    out.close("tr").close("thead").open("tbody");
    for (List<String> line : lines) {
      out.open("tr").element("th", line.get(0), "scope", "row");
      line.subList(1, line.size()).forEach(text -> out.element("td", text));
      out.close("tr");
    }
    out.close("tbody").close("table").close("div").close("details");
  }

  /** The first run of each row, as the plots want it. */
  private static List<RunSummary> firstRuns(Group group) {
    List<RunSummary> shown = new ArrayList<>();
    for (Row row : group.rows()) {
      if (!row.runs().isEmpty()) {
        Run run = row.runs().get(0);
        shown.add(
            new RunSummary(
                row.name(),
                row.role(),
                dev.lotus.metric.Metrics.fromJson(Json.bytes(run.metrics()), run.item()),
                run.trace(),
                null,
                run.entropies(),
                null,
                run.configuration()));
      }
    }
    return shown;
  }

  private static void settings(Markup out, ExperimentResults results) {
    out.element("h2", "Settings").open("div", "class", "cards");
    if (!results.groups().isEmpty()) {
      for (RunSummary run : firstRuns(results.groups().get(0))) {
        HtmlReport.card(out, run.name(), run.configuration());
      }
    }
    Map<String, String> machine = new LinkedHashMap<>(results.versions());
    machine.put("device", results.device());
    machine.put("precision", results.precision());
    HtmlReport.card(out, "Made with", machine);
    out.close("div");
  }
}
