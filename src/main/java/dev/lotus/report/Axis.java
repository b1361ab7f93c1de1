package dev.lotus.report;

import java.util.ArrayList;
import java.util.List;

/**
 * Where an axis runs and its tick marks stand, at multiples of 1, 2 or 5 times a power of ten.
 *
 * @param low where the axis begins
 * @param high where it ends
 * @param step between ticks
 */
record Axis(double low, double high, double step) {
  /**
   * For values from {@code min} to {@code max}, with about {@code count} steps.
   *
   * @param whole true where ticks must be whole numbers
   */
  static Axis enclosing(double min, double max, int count, boolean whole) {
    double from = min;
    double to = max;
    if (!(to > from)) {
      // One value only: make room around it, in proportion to its size.
      double room = Math.max(Math.abs(from) * 0.1, whole ? 1 : 0.01);
      from -= room;
      to += room;
    }
    double raw = (to - from) / count;
    double power = Math.pow(10, Math.floor(Math.log10(raw)));
    double fraction = raw / power;
    // A hair above 1, 2, 5: 0.30000000000000004 / 3 is one step, not two.
    double nice =
        fraction <= 1.000001 ? 1 : fraction <= 2.000001 ? 2 : fraction <= 5.000001 ? 5 : 10;
    double step = Math.max(nice * power, whole ? 1 : 0);
    return new Axis(
        Math.floor(from / step + 1e-9) * step, Math.ceil(to / step - 1e-9) * step, step);
  }

  /**
   * The same marks on an axis that begins and ends with the data; {@link #ticks} are those inside.
   */
  Axis cutTo(double min, double max) {
    return max > min ? new Axis(min, max, step) : this;
  }

  /** All tick marks, ascending. */
  List<Double> ticks() {
    List<Double> ticks = new ArrayList<>();
    long first = (long) Math.ceil(low / step - 1e-9);
    long last = (long) Math.floor(high / step + 1e-9);
    for (long i = first; i <= last; i++) {
      ticks.add(i * step);
    }
    return ticks;
  }
}
