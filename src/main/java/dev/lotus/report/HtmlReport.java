package dev.lotus.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * report.html: one page with everything in it, no script, nothing fetched. Its parts in order: the
 * verdict in words, the table, the curves by epoch, the entropies, the seconds, the settings.
 * {@link PageCharts} makes the plots.
 */
public final class HtmlReport {
  private HtmlReport() {}

  /** The page's text; UTF-8 when written. */
  public static String render(ReportData data) {
    String verdict = data.verdict() == null ? Verdict.of(data.runs()) : data.verdict();
    Markup out = new Markup();
    begin(out, data.title(), verdict);
    table(out, data.runs());
    PageCharts.curves(out, data.runs(), PageCharts.Part.WHOLE);
    PageCharts.entropies(out, data.runs(), PageCharts.Part.WHOLE);
    seconds(out, data.runs());
    settings(out, data);
    out.close("main").close("body").close("html");
    return out.toString();
  }

  /** Everything before a page's own parts; close main, body and html after them. */
  static void begin(Markup out, String title, String verdict) {
    out.raw("<!DOCTYPE html>\n");
    out.open("html", "lang", "en");
    out.open("head").empty("meta", "charset", "utf-8");
    out.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
    out.element("title", title);
    out.open("style").raw(PageStyle.CSS).close("style").close("head");
    out.open("body").open("main");
    out.element("h1", title);
    out.element("p", verdict, "class", "verdict");
  }

  private static void table(Markup out, List<RunSummary> runs) {
    if (runs.isEmpty()) {
      return;
    }
    boolean gold = runs.stream().anyMatch(run -> run.role() == RunSummary.Role.RETRAINED);
    out.element("h2", "Results", "id", "results");
    // The roles are those the elements have anyway; on a phone CSS turns rows into cards, which
    // would lose them.
    out.open("table", "class", "results", "role", "table", "aria-labelledby", "results");
    out.open("thead", "role", "rowgroup").open("tr", "role", "row");
    for (String header : ResultTable.HEADER) {
      out.element("th", header, "scope", "col", "role", "columnheader");
    }
    out.close("tr").close("thead").open("tbody", "role", "rowgroup");
    for (ResultTable.Row row : ResultTable.of(runs).rows()) {
      boolean isGold = row.run().role() == RunSummary.Role.RETRAINED;
      out.open("tr", "role", "row", "class", isGold ? "gold" : null);
      out.open("th", "scope", "row", "role", "rowheader").text(row.run().name());
      out.element("span", tag(row.run().role()), "class", "tag").close("th");
      for (int c = 0; c < row.cells().size(); c++) {
        ResultTable.Cell cell = row.cells().get(c);
        boolean missing = cell.value().equals(ResultTable.NONE);
        out.open(
            "td",
            "role",
            "cell",
            "data-label",
            ResultTable.HEADER.get(c + 1),
            "class",
            missing ? "missing" : null);
        out.text(missing ? "\u2013" : cell.value());
        if (!cell.detail().isEmpty()) {
          out.raw(" ").element("span", cell.detail(), "class", "detail");
        }
        out.close("td");
      }
      out.close("tr");
    }
    out.close("tbody").close("table");
    out.element(
        "p",
        (gold
                ? "In parentheses: the gap to the retrained model, which never saw the forget set;"
                    + " the smaller, the better. Avg gap is the mean of the four gaps. "
                : "")
            + "MIA: the fraction of the forget set that an attacker takes for training data. JSD:"
            + " divergence to the retrained model on the forget set. RF-JSD: the same idea without"
            + " a retrained model, by class means against the original on test data, with its 95%"
            + " interval over random halves of the outputs. Both in nats, 0 to 0.693. Seconds:"
            + " making the model, without evaluating it.",
        "class",
        "note");
  }

  static String tag(RunSummary.Role role) {
    return switch (role) {
      case RETRAINED -> "never saw the forget set";
      case ORIGINAL -> "before unlearning";
      case UNLEARNED -> "unlearned";
    };
  }

  private static void seconds(Markup out, List<RunSummary> runs) {
    double longest =
        runs.stream()
            .flatMap(run -> run.phaseSeconds().values().stream())
            .mapToDouble(s -> s)
            .max()
            .orElse(0);
    if (!(longest > 0)) {
      return;
    }
    out.element("h2", "Where the time went", "id", "seconds");
    out.open("table", "class", "bars", "aria-labelledby", "seconds").open("thead").open("tr");
    out.element("th", "Phase", "scope", "col").element("th", "Seconds", "scope", "col");
    out.element("th", "", "scope", "col", "aria-hidden", "true")
        .close("tr")
        .close("thead")
        .open("tbody");
    for (RunSummary run : runs) {
      for (Map.Entry<String, Double> phase : run.phaseSeconds().entrySet()) {
        double value = phase.getValue();
        out.open("tr").element("th", run.name() + ": " + phase.getKey(), "scope", "row");
        out.element("td", Numbers.seconds(value)).open("td", "aria-hidden", "true");
        String width = Numbers.coordinate(100 * value / longest);
        out.open("span", "class", "bar", "style", "width:" + width + "%").close("span");
        out.close("td").close("tr");
      }
    }
    out.close("tbody").close("table");
  }

  private static void settings(Markup out, ReportData data) {
    List<RunSummary> configured =
        data.runs().stream().filter(run -> !run.configuration().isEmpty()).toList();
    if (configured.isEmpty() && data.versions().isEmpty()) {
      return;
    }
    out.element("h2", "Settings").open("div", "class", "cards");
    Map<String, String> shared = shared(configured);
    if (!shared.isEmpty()) {
      card(out, "All models", shared);
    }
    for (RunSummary run : configured) {
      Map<String, String> own = new LinkedHashMap<>(run.configuration());
      own.keySet().removeAll(shared.keySet());
      if (!own.isEmpty()) {
        card(out, run.name(), own);
      }
    }
    if (!data.versions().isEmpty()) {
      card(out, "Versions", data.versions());
    }
    out.close("div");
  }

  /** What all of several runs have in common, so that the cards show where they differ. */
  private static Map<String, String> shared(List<RunSummary> runs) {
    Map<String, String> shared = new LinkedHashMap<>();
    if (runs.size() > 1) {
      shared.putAll(runs.get(0).configuration());
      runs.forEach(run -> shared.entrySet().retainAll(run.configuration().entrySet()));
    }
    return shared;
  }

  static void card(Markup out, String title, Map<String, String> entries) {
    out.open("section", "class", "card").element("h3", title).open("dl");
    List<Map.Entry<String, String>> list = new ArrayList<>(entries.entrySet());
    for (Map.Entry<String, String> entry : list) {
      out.element("dt", entry.getKey()).element("dd", String.valueOf(entry.getValue()));
    }
    out.close("dl").close("section");
  }
}
