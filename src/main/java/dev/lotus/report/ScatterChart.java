package dev.lotus.report;

import java.util.List;
import java.util.Locale;

/**
 * Two metrics of every run against each other, as one SVG: a colour and a marker a method. Points
 * carry their numbers as titles.
 */
final class ScatterChart {
  /**
   * @param label names it in titles
   */
  record Point(String label, double x, double y) {}

  /**
   * One method.
   *
   * @param index its number: colour and marker follow from it
   */
  record Series(String name, int index, List<Point> points) {
    String style() {
      return "s" + index % PageCharts.COLOURS;
    }
  }

  private static final double WIDTH = 420;
  private static final double HEIGHT = 310;
  private static final double TOP = 34;
  private static final double RIGHT = WIDTH - 18;
  private static final double BOTTOM = HEIGHT - 52;
  private static final double INSET = 10;

  private ScatterChart() {}

  /** The SVG; empty text where there is no point. */
  static String render(
      String id,
      String title,
      String description,
      String labelX,
      String labelY,
      List<Series> series) {
    List<Point> all = series.stream().flatMap(s -> s.points().stream()).toList();
    if (all.isEmpty()) {
      return "";
    }
    Axis axisX = axis(all.stream().mapToDouble(Point::x).toArray(), 4);
    Axis axisY = axis(all.stream().mapToDouble(Point::y).toArray(), 5);
    int longest = 0;
    for (double tick : axisY.ticks()) {
      longest = Math.max(longest, Numbers.tick(tick, axisY.step()).length());
    }
    double left = 14 + 8.2 * longest;
    Markup out = new Markup();
    out.openChart(id, title, description, WIDTH, HEIGHT);
    for (double tick : axisY.ticks()) {
      double y = place(tick, axisY, BOTTOM, TOP);
      out.empty("path", "class", "grid", "d", LineChart.segment(left, y, RIGHT, y));
      text(out, Numbers.tick(tick, axisY.step()), left - 8, y + 5, "end");
    }
    for (double tick : axisX.ticks()) {
      double x = place(tick, axisX, left + INSET, RIGHT - INSET);
      out.empty("path", "class", "axis", "d", LineChart.segment(x, BOTTOM, x, BOTTOM + 5));
      text(out, Numbers.tick(tick, axisX.step()), x, BOTTOM + 21, "middle");
    }
    out.empty("path", "class", "axis", "d", LineChart.segment(left, BOTTOM, RIGHT, BOTTOM));
    text(out, labelX, (left + RIGHT) / 2, HEIGHT - 8, "middle");
    text(out, labelY, 4, 16, "start");
    for (Series one : series) {
      for (Point point : one.points()) {
        String shape =
            LineChart.marker(
                one.index(),
                place(point.x(), axisX, left + INSET, RIGHT - INSET),
                place(point.y(), axisY, BOTTOM, TOP));
        out.open("path", "class", "mark hollow " + one.style(), "d", shape);
        out.element(
            "title",
            String.format(
                Locale.ROOT,
                "%s: %s %.4g, %s %.4g",
                point.label(),
                labelX,
                point.x(),
                labelY,
                point.y()));
        out.close("path");
      }
    }
    out.close("svg");
    return out.toString();
  }

  /** From zero where the values come near it: distances from zero then show as they are. */
  private static Axis axis(double[] values, int count) {
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    for (double value : values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    return Axis.enclosing(low > 0 && low < high / 2 ? 0 : low, high, count, false);
  }

  private static double place(double value, Axis axis, double from, double to) {
    return from + (value - axis.low()) / (axis.high() - axis.low()) * (to - from);
  }

  private static void text(Markup out, String text, double x, double y, String anchor) {
    out.element("text", text, "x", x, "y", y, "text-anchor", anchor);
  }
}
