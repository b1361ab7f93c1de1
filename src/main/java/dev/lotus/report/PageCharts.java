package dev.lotus.report;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * The plots of report.html with their headings, legends and captions: curves by epoch, and
 * entropies.
 */
final class PageCharts {
  /** Different colours; the page's series go round. */
  static final int COLOURS = 6;

  /**
   * Which part of a page the plots belong to.
   *
   * @param prefix keeps the identifiers of several parts apart
   * @param suffix of the headings
   */
  record Part(String prefix, String suffix) {
    /** The only part of its page. */
    static final Part WHOLE = new Part("", "");
  }

  private PageCharts() {}

  /** Temperature, accuracies and loss by epoch. */
  static void curves(Markup out, List<RunSummary> runs, Part part) {
    List<RunSummary> unlearned = byRole(runs, true);
    List<RunSummary> trained = byRole(runs, false);
    out.element("h2", "Epoch by epoch" + part.suffix());
    Markup figures = new Markup();
    figure(
        figures,
        part.prefix() + "tau",
        "Temperature",
        "How soft the targets on the forget set are: 1 means as the original model answers, more"
            + " means softer.",
        series(unlearned, EpochTrace::tau, "", false),
        List.of());
    List<LineChart.Series> accuracies =
        series(unlearned, EpochTrace::accForget, " on forget", false);
    List<LineChart.Reference> references = goldAccuracy(runs);
    Set<Double> unseen = unseen(unlearned);
    if (unseen.size() == 1) {
      // It is the original model's accuracy and does not change: one line for all methods, not one
      // each.
      references.add(
          new LineChart.Reference("Original on unseen", "c-base", unseen.iterator().next()));
    } else {
      accuracies.addAll(series(unlearned, EpochTrace::accUnseen, " on unseen", true));
    }
    figure(
        figures,
        part.prefix() + "accuracy",
        "Accuracy on forget and unseen",
        "Unlearning is done when the forget set is known no better than data the model has never"
            + " seen.",
        accuracies,
        references);
    figure(
        figures,
        part.prefix() + "loss",
        "Unlearning loss",
        "Mean over each epoch; methods have different losses, so only a"
            + " curve's own course says something.",
        series(unlearned, EpochTrace::loss, "", false),
        List.of());
    figure(
        figures,
        part.prefix() + "training",
        "Training loss",
        "Of the models that were trained from scratch.",
        series(trained, EpochTrace::loss, "", false),
        List.of());
    if (figures.toString().isEmpty()) {
      out.element("p", "No epochs were traced.", "class", "note");
    } else {
      int count = figures.toString().split("<figure>", -1).length - 1;
      out.open("div", "class", columns(count)).raw(figures.toString()).close("div");
    }
  }

  /** Two or four figures stand better in twos than three and one. */
  private static String columns(int figures) {
    return figures == 2 || figures == 4 ? "grid-figures by-two" : "grid-figures";
  }

  private static List<RunSummary> byRole(List<RunSummary> runs, boolean unlearned) {
    return runs.stream()
        .filter(run -> (run.role() == RunSummary.Role.UNLEARNED) == unlearned)
        .toList();
  }

  private static List<LineChart.Series> series(
      List<RunSummary> runs, Function<EpochTrace, Double> value, String suffix, boolean dashed) {
    List<LineChart.Series> series = new ArrayList<>();
    for (int i = 0; i < runs.size(); i++) {
      RunSummary run = runs.get(i);
      List<Integer> x = new ArrayList<>();
      List<Double> y = new ArrayList<>();
      for (EpochTrace epoch : run.trace()) {
        Double v = value.apply(epoch);
        x.add(epoch.epoch());
        y.add(v == null || !Double.isFinite(v) ? null : v);
      }
      if (y.stream().anyMatch(v -> v != null)) {
        series.add(new LineChart.Series(run.name() + suffix, style(run, i), i, dashed, x, y));
      }
    }
    return series;
  }

  private static String style(RunSummary run, int index) {
    return switch (run.role()) {
      case RETRAINED -> "c-gold";
      case ORIGINAL -> "c-base";
      case UNLEARNED -> "s" + index % COLOURS;
    };
  }

  private static Set<Double> unseen(List<RunSummary> runs) {
    Set<Double> values = new HashSet<>();
    for (RunSummary run : runs) {
      for (EpochTrace epoch : run.trace()) {
        if (epoch.accUnseen() != null && Double.isFinite(epoch.accUnseen())) {
          values.add(epoch.accUnseen());
        }
      }
    }
    return values;
  }

  private static List<LineChart.Reference> goldAccuracy(List<RunSummary> runs) {
    List<LineChart.Reference> references = new ArrayList<>();
    for (RunSummary run : runs) {
      Double accuracy = run.metrics().accForget();
      if (run.role() == RunSummary.Role.RETRAINED && accuracy != null && references.isEmpty()) {
        references.add(new LineChart.Reference(run.name() + " on forget", "c-gold", accuracy));
      }
    }
    return references;
  }

  private static void figure(
      Markup out,
      String id,
      String title,
      String caption,
      List<LineChart.Series> series,
      List<LineChart.Reference> references) {
    String svg = LineChart.render("chart-" + id, title + " by epoch", series, references);
    if (svg.isEmpty()) {
      return;
    }
    out.open("figure").element("h3", title).open("ul", "class", "legend");
    for (LineChart.Series line : series) {
      String mark = LineChart.marker(line.marker(), 17, 7);
      out.open("li");
      swatch(
          out,
          "line " + line.style() + (line.dashed() ? " dashed" : ""),
          "mark " + line.style() + (line.dashed() ? " hollow" : ""),
          mark);
      out.text(line.label()).close("li");
    }
    for (LineChart.Reference reference : references) {
      out.open("li");
      swatch(out, "line reference " + reference.style(), null, null);
      out.text(reference.label()).close("li");
    }
    out.close("ul").raw(svg);
    out.open("figcaption").element("p", caption).close("figcaption").close("figure");
  }

  static void swatch(Markup out, String lineClass, String markClass, String mark) {
    out.open("svg", "viewBox", "0 0 34 14", "aria-hidden", "true");
    if (lineClass != null) {
      out.empty("path", "class", lineClass, "d", "M1 7L33 7");
    }
    if (mark != null) {
      out.empty("path", "class", markClass, "d", mark);
    }
    out.close("svg");
  }

  /**
   * One panel a model; those before unlearning only where the original is not among the models
   * itself.
   */
  static void entropies(Markup out, List<RunSummary> runs, Part part) {
    boolean hasOriginal =
        runs.stream()
            .anyMatch(
                run -> run.role() == RunSummary.Role.ORIGINAL && !run.entropiesAfter().isEmpty());
    List<String> titles = new ArrayList<>();
    List<Map<String, Histogram>> panels = new ArrayList<>();
    for (RunSummary run : runs) {
      if (!hasOriginal && !run.entropiesBefore().isEmpty()) {
        titles.add("Before " + run.name());
        panels.add(run.entropiesBefore());
      }
      if (!run.entropiesAfter().isEmpty()) {
        titles.add(
            switch (run.role()) {
              case UNLEARNED -> "After " + run.name();
              case ORIGINAL -> run.name() + " (before unlearning)";
              case RETRAINED -> run.name() + " (the goal)";
            });
        panels.add(run.entropiesAfter());
      }
    }
    if (panels.isEmpty()) {
      return;
    }
    out.element("h2", "How sure the models are" + part.suffix());
    out.element(
        "p",
        "Entropy of the answers: 0 is certain, the right end is guessing. After good unlearning the"
            + " forget set looks like test data, as it does for a model that never saw it. Forget"
            + " samples that stand out to the right, less certain than test data, would be a"
            + " beacon: they tell an attacker what was forgotten.");
    out.open("ul", "class", "legend");
    for (String set : RunSummary.SETS) {
      if (panels.stream().anyMatch(panel -> panel.containsKey(set))) {
        out.open("li");
        swatch(out, "step set-" + set, null, null);
        out.text(set).close("li");
      }
    }
    out.close("ul").open("div", "class", columns(panels.size()));
    double top = HistogramChart.top(panels);
    for (int i = 0; i < panels.size(); i++) {
      String title = titles.get(i);
      out.open("figure").element("h3", title);
      out.raw(
          HistogramChart.render(
              "entropy-" + part.prefix() + i, title + ": entropies by set", panels.get(i), top));
      out.open("figcaption").element("p", means(panels.get(i))).close("figcaption").close("figure");
    }
    out.close("div");
    out.element("p", "Height: share of the set, on a square-root scale.", "class", "note");
  }

  private static String means(Map<String, Histogram> panel) {
    List<String> parts = new ArrayList<>();
    for (String set : RunSummary.SETS) {
      if (panel.containsKey(set)) {
        parts.add(String.format(Locale.ROOT, "%s %.3f", set, panel.get(set).mean()));
      }
    }
    String text = "Mean: " + String.join(", ", parts) + ".";
    if (panel.containsKey("forget") && panel.containsKey("test")) {
      double overlap = panel.get("forget").overlap(panel.get("test"));
      if (!Double.isNaN(overlap)) {
        text += String.format(Locale.ROOT, " Forget and test overlap by %.0f%%.", 100 * overlap);
      }
    }
    return text;
  }
}
