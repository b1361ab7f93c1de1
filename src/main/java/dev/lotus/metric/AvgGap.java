package dev.lotus.metric;

/**
 * Avg Gap of the LoTUS paper: the mean of |difference to the retrained model| in four scores,
 * membership inference and accuracy on forget, retain and test. 0 is a model that scores like one
 * which never saw the forget set.
 */
public final class AvgGap {
  private AvgGap() {}

  /** The four scores, each a fraction 0..1; of one run, or means over runs. */
  public record Scores(double mia, double accForget, double accRetain, double accTest) {
    private double[] values() {
      return new double[] {mia, accForget, accRetain, accTest};
    }
  }

  /** Of the scores as they are. */
  public static double exact(Scores model, Scores retrained) {
    double[] a = model.values();
    double[] b = retrained.values();
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += Math.abs(a[i] - b[i]);
    }
    return sum / a.length;
  }

  /**
   * As the published tables have it: every score rounded to two decimals first (half to even, as
   * numpy rounds), so the result is a multiple of 0.0025. Give means over seeds to get a table's
   * entry.
   */
  public static double published(Scores model, Scores retrained) {
    double[] a = model.values();
    double[] b = retrained.values();
    double hundredths = 0;
    for (int i = 0; i < a.length; i++) {
      hundredths += Math.abs(Math.rint(a[i] * 100) - Math.rint(b[i] * 100));
    }
    return hundredths / (100 * a.length);
  }
}
