package dev.lotus.metric;

/**
 * Tug-of-war (Zhao et al. 2024, "What makes unlearning hard and what to do about it"): how close a
 * model is to the retrained one in forgetting, keeping and generalising at once, as a product, so
 * that no two of them make up for the third. 1 is equal scores, 0 the farthest.
 */
public final class Tow {
  private Tow() {}

  /** (1 - |gap of accuracy on forget|) (1 - |on retain|) (1 - |on test|). */
  public static double accuracy(AvgGap.Scores model, AvgGap.Scores retrained) {
    return closeness(model.accForget(), retrained.accForget()) * kept(model, retrained);
  }

  /** ToW-MIA: the attack's gap in place of the accuracy on forget. */
  public static double mia(AvgGap.Scores model, AvgGap.Scores retrained) {
    return closeness(model.mia(), retrained.mia()) * kept(model, retrained);
  }

  private static double kept(AvgGap.Scores model, AvgGap.Scores retrained) {
    return closeness(model.accRetain(), retrained.accRetain())
        * closeness(model.accTest(), retrained.accTest());
  }

  private static double closeness(double a, double b) {
    return 1 - Math.abs(a - b);
  }
}
