package dev.lotus.report;

import java.util.Locale;

/** How numbers are shown to people. Files keep them unrounded. */
final class Numbers {
  private Numbers() {}

  /** Three decimals; for accuracies, MIA and gaps. */
  static String fraction(double value) {
    return String.format(Locale.ROOT, "%.3f", value);
  }

  /** Four decimals, or two significant digits where four decimals would show next to nothing. */
  static String divergence(double value) {
    if (value == 0) {
      return "0";
    }
    return String.format(Locale.ROOT, Math.abs(value) < 0.001 ? "%.1e" : "%.4f", value);
  }

  /** About three significant digits, without unit. */
  static String seconds(double value) {
    return String.format(
        Locale.ROOT, value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f", value);
  }

  /** The fewest digits that tell tick marks {@code step} apart. */
  static String tick(double value, double step) {
    double shown = Math.abs(value) < step / 1e6 ? 0 : value;
    if (step < 1e-4 || Math.abs(shown) >= 1e6) {
      return shown == 0 ? "0" : String.format(Locale.ROOT, "%.1e", shown);
    }
    int decimals = Math.max(0, (int) -Math.floor(Math.log10(step) + 1e-9));
    return String.format(Locale.ROOT, "%." + decimals + "f", shown);
  }

  /** A coordinate: two decimals at most, so that equal input gives equal and small files. */
  static String coordinate(double value) {
    String text = String.format(Locale.ROOT, "%.2f", value);
    int end = text.length();
    while (text.charAt(end - 1) == '0') {
      end--;
    }
    if (text.charAt(end - 1) == '.') {
      end--;
    }
    text = text.substring(0, end);
    return text.equals("-0") ? "0" : text;
  }
}
