package dev.lotus.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Lines over epochs as one SVG, drawn for a phone's width and stretched by its viewBox. Colours are
 * CSS classes; lines also differ by marker and dash, so that colour alone carries nothing. Points
 * carry their numbers as titles, which browsers show on hovering and screen readers read.
 */
final class LineChart {
  /**
   * One line.
   *
   * @param label what it shows, for titles and the legend
   * @param style its number: colour and marker follow from it
   * @param dashed true for a dashed line
   * @param x ascending
   * @param y null where there is no value: the line is broken there
   */
  record Series(
      String label, String style, int marker, boolean dashed, List<Integer> x, List<Double> y) {}

  /** A horizontal line to compare with. */
  record Reference(String label, String style, double y) {}

  private static final double WIDTH = 420;
  private static final double HEIGHT = 290;
  private static final double TOP = 14;
  private static final double RIGHT = WIDTH - 14;
  private static final double BOTTOM = HEIGHT - 50;

  /** Above this many points markers would hide the line. */
  private static final int MOST_MARKERS = 25;

  private final String id;
  private final String title;
  private final List<Series> series;
  private final List<Reference> references;
  private final Axis axisX;
  private final Axis axisY;
  private final double left;

  private LineChart(String id, String title, List<Series> series, List<Reference> references) {
    this.id = id;
    this.title = title;
    this.series = series;
    this.references = references;
    double[] x = {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
    double[] y = {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
    for (Series line : series) {
      for (int i = 0; i < line.x().size(); i++) {
        if (line.y().get(i) != null) {
          widen(x, line.x().get(i));
          widen(y, line.y().get(i));
        }
      }
    }
    references.forEach(reference -> widen(y, reference.y()));
    this.axisX = Axis.enclosing(x[0], x[1], 6, true).cutTo(x[0], x[1]);
    this.axisY = Axis.enclosing(y[0], y[1], 5, false);
    int longest = 0;
    for (double tick : axisY.ticks()) {
      longest = Math.max(longest, Numbers.tick(tick, axisY.step()).length());
    }
    this.left = 14 + 8.2 * longest;
  }

  /** The SVG; empty text where no series has a value. */
  static String render(String id, String title, List<Series> series, List<Reference> references) {
    boolean any = series.stream().anyMatch(line -> line.y().stream().anyMatch(v -> v != null));
    return any ? new LineChart(id, title, series, references).svg() : "";
  }

  private static void widen(double[] range, double value) {
    range[0] = Math.min(range[0], value);
    range[1] = Math.max(range[1], value);
  }

  private String svg() {
    Markup out = new Markup();
    out.openChart(id, title, description(), WIDTH, HEIGHT);
    axes(out);
    for (Reference reference : references) {
      double y = y(reference.y());
      out.open(
          "path", "class", "line reference " + reference.style(), "d", segment(left, y, RIGHT, y));
      out.element("title", reference.label() + ": " + value(reference.y()));
      out.close("path");
    }
    series.forEach(line -> line(out, line));
    out.close("svg");
    return out.toString();
  }

  private String description() {
    List<String> parts = new ArrayList<>();
    for (Series line : series) {
      List<Double> values = line.y().stream().filter(v -> v != null).toList();
      if (!values.isEmpty()) {
        parts.add(
            line.label()
                + ": "
                + values.size()
                + (values.size() == 1 ? " value, " : " values, first ")
                + value(values.get(0))
                + (values.size() == 1 ? "" : ", last " + value(values.get(values.size() - 1))));
      }
    }
    references.forEach(reference -> parts.add(reference.label() + ": " + value(reference.y())));
    return String.join(". ", parts) + ".";
  }

  private void axes(Markup out) {
    for (double tick : axisY.ticks()) {
      out.empty("path", "class", "grid", "d", segment(left, y(tick), RIGHT, y(tick)));
      out.element(
          "text",
          Numbers.tick(tick, axisY.step()),
          "x",
          left - 8,
          "y",
          y(tick) + 5,
          "text-anchor",
          "end");
    }
    for (double tick : axisX.ticks()) {
      out.empty("path", "class", "axis", "d", segment(x(tick), BOTTOM, x(tick), BOTTOM + 5));
      out.element(
          "text",
          Numbers.tick(tick, axisX.step()),
          "x",
          x(tick),
          "y",
          BOTTOM + 21,
          "text-anchor",
          "middle");
    }
    out.empty("path", "class", "axis", "d", segment(left, BOTTOM, RIGHT, BOTTOM));
    out.element("text", "epoch", "x", (left + RIGHT) / 2, "y", HEIGHT - 8, "text-anchor", "middle");
  }

  private void line(Markup out, Series line) {
    StringBuilder path = new StringBuilder();
    boolean broken = true;
    for (int i = 0; i < line.x().size(); i++) {
      Double y = line.y().get(i);
      if (y != null) {
        path.append(broken ? 'M' : 'L').append(point(x(line.x().get(i)), y(y)));
      }
      broken = y == null;
    }
    String dash = line.dashed() ? " dashed" : "";
    out.empty("path", "class", "line " + line.style() + dash, "d", path.toString());
    if (line.x().size() > MOST_MARKERS) {
      return;
    }
    for (int i = 0; i < line.x().size(); i++) {
      Double y = line.y().get(i);
      if (y != null) {
        String shape = marker(line.marker(), x(line.x().get(i)), y(y));
        out.open(
            "path", "class", "mark " + line.style() + (line.dashed() ? " hollow" : ""), "d", shape);
        out.element("title", line.label() + ", epoch " + line.x().get(i) + ": " + value(y));
        out.close("path");
      }
    }
  }

  /** Circle, square, triangle, diamond, in turn. */
  static String marker(int style, double x, double y) {
    double r = 4;
    return switch (Math.floorMod(style, 4)) {
      case 0 -> "M" + point(x - r, y) + "a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z";
      case 1 -> "M" + point(x - r, y - r) + "h8v8h-8Z";
      case 2 -> "M" + point(x, y - r - 1) + "l5 9h-10Z";
      default -> "M" + point(x, y - r - 1) + "l5 5l-5 5l-5 -5Z";
    };
  }

  static String segment(double x1, double y1, double x2, double y2) {
    return "M" + point(x1, y1) + "L" + point(x2, y2);
  }

  static String point(double x, double y) {
    return Numbers.coordinate(x) + " " + Numbers.coordinate(y);
  }

  private static String value(double value) {
    return String.format(Locale.ROOT, "%.4g", value);
  }

  private double x(double value) {
    double inset = 12;
    return left
        + inset
        + (value - axisX.low()) / (axisX.high() - axisX.low()) * (RIGHT - left - 2 * inset);
  }

  private double y(double value) {
    return BOTTOM - (value - axisY.low()) / (axisY.high() - axisY.low()) * (BOTTOM - TOP);
  }
}
