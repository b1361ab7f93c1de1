package dev.lotus.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Outlines of the entropy histograms of several sets over each other, as one SVG. The height is the
 * share of the set on a square-root scale: most samples sit in the first bin, and on a linear scale
 * nothing else would be seen, while a logarithm has no place for empty bins.
 */
final class HistogramChart {
  private static final double WIDTH = 420;
  private static final double HEIGHT = 220;
  private static final double TOP = 12;
  private static final double LEFT = 58;
  private static final double RIGHT = WIDTH - 14;
  private static final double BOTTOM = HEIGHT - 50;
  private static final double[] SHARES = {0, 0.01, 0.05, 0.1, 0.25, 0.5, 1};

  private HistogramChart() {}

  /** The share the vertical axis must reach so that all of these fit. */
  static double top(List<Map<String, Histogram>> panels) {
    double highest = 0;
    for (Map<String, Histogram> panel : panels) {
      for (Histogram histogram : panel.values()) {
        for (int i = 0; i < histogram.counts().length; i++) {
          highest = Math.max(highest, histogram.share(i));
        }
      }
    }
    for (double share : SHARES) {
      if (highest <= share && share > 0) {
        return share;
      }
    }
    return 1;
  }

  /**
   * The SVG of one model.
   *
   * @param sets histogram by set, all with the same edges
   * @param top {@link #top} of all panels of the page, so that they compare
   */
  static String render(String id, String title, Map<String, Histogram> sets, double top) {
    Markup out = new Markup();
    out.openChart(id, title, description(sets), WIDTH, HEIGHT);
    double low = sets.values().stream().mapToDouble(Histogram::low).min().orElse(0);
    double high = sets.values().stream().mapToDouble(Histogram::high).max().orElse(1);
    axes(out, low, high, top);
    for (String set : RunSummary.SETS) {
      Histogram histogram = sets.get(set);
      if (histogram != null) {
        out.open("path", "class", "step set-" + set, "d", outline(histogram, low, high, top));
        out.element("title", set + ", " + histogram.total() + " samples");
        out.close("path");
      }
    }
    out.close("svg");
    return out.toString();
  }

  private static String description(Map<String, Histogram> sets) {
    List<String> parts = new ArrayList<>();
    sets.forEach(
        (set, histogram) ->
            parts.add(
                String.format(
                    Locale.ROOT,
                    "%s: %d samples, mean entropy %.3f nats, %.1f%% in the lowest bin",
                    set,
                    histogram.total(),
                    histogram.mean(),
                    100 * histogram.share(0))));
    return String.join(". ", parts) + ".";
  }

  private static void axes(Markup out, double low, double high, double top) {
    for (double share : SHARES) {
      if (share <= top) {
        double y = y(share, top);
        out.empty("path", "class", "grid", "d", LineChart.segment(LEFT, y, RIGHT, y));
        out.element(
            "text",
            String.format(Locale.ROOT, "%.0f%%", 100 * share),
            "x",
            LEFT - 8,
            "y",
            y + 5,
            "text-anchor",
            "end");
      }
    }
    Axis axis = Axis.enclosing(low, high, 5, false).cutTo(low, high);
    for (double tick : axis.ticks()) {
      double x = x(tick, low, high);
      out.empty("path", "class", "axis", "d", LineChart.segment(x, BOTTOM, x, BOTTOM + 5));
      out.element(
          "text",
          Numbers.tick(tick, axis.step()),
          "x",
          x,
          "y",
          BOTTOM + 21,
          "text-anchor",
          "middle");
    }
    out.empty("path", "class", "axis", "d", LineChart.segment(LEFT, BOTTOM, RIGHT, BOTTOM));
    out.element(
        "text",
        "entropy in nats",
        "x",
        (LEFT + RIGHT) / 2,
        "y",
        HEIGHT - 8,
        "text-anchor",
        "middle");
  }

  private static String outline(Histogram histogram, double low, double high, double top) {
    int bins = histogram.counts().length;
    double width = (histogram.high() - histogram.low()) / bins;
    StringBuilder path = new StringBuilder("M");
    path.append(LineChart.point(x(histogram.low(), low, high), BOTTOM));
    for (int i = 0; i < bins; i++) {
      double y = y(histogram.share(i), top);
      double left = histogram.low() + i * width;
      path.append('L').append(LineChart.point(x(left, low, high), y));
      path.append('L').append(LineChart.point(x(left + width, low, high), y));
    }
    path.append('L').append(LineChart.point(x(histogram.high(), low, high), BOTTOM));
    return path.toString();
  }

  private static double x(double value, double low, double high) {
    return LEFT + (value - low) / (high - low) * (RIGHT - LEFT);
  }

  private static double y(double share, double top) {
    return BOTTOM - Math.sqrt(share / top) * (BOTTOM - TOP);
  }
}
