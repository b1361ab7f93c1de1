package dev.lotus.metric;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Objects;

/** Golden files on the test class path, and the tolerance every comparison with them uses. */
final class Golden {
  private Golden() {}

  static GoldenFile file(String name) {
    try {
      return GoldenFile.read(
          Path.of(
              Objects.requireNonNull(Golden.class.getResource("/golden/" + name + ".json"), name)
                  .toURI()));
    } catch (java.net.URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  /** |x - ref| <= absolute + relative |ref|. */
  static void assertClose(
      String what, double actual, double reference, double absolute, double relative) {
    assertThat(Math.abs(actual - reference))
        .as("%s: %s against %s", what, actual, reference)
        .isLessThanOrEqualTo(absolute + relative * Math.abs(reference));
  }

  /** Plain double reference of one evaluation pass over logits [n][classes]. */
  static SetStatistics statistics(GoldenFile.Array logits, int[] labels) {
    double[][] rows = logits.rows();
    int classes = logits.shape()[1];
    float[] loss = new float[rows.length];
    float[] entropy = new float[rows.length];
    double[][] means = new double[classes][classes];
    long[] counts = new long[classes];
    long correct = 0;
    for (int i = 0; i < rows.length; i++) {
      double[] p = softmax(rows[i]);
      int best = 0;
      double h = 0;
      for (int c = 0; c < classes; c++) {
        best = rows[i][c] > rows[i][best] ? c : best;
        h -= p[c] > 0 ? p[c] * Math.log(p[c]) : 0;
      }
      entropy[i] = (float) h;
      int label = labels == null ? best : labels[i];
      loss[i] = (float) -Math.log(p[label]);
      correct += best == label ? 1 : 0;
      counts[label]++;
      for (int c = 0; c < classes; c++) {
        means[label][c] += p[c];
      }
    }
    for (int k = 0; k < classes; k++) {
      if (counts[k] == 0) {
        means[k] = null;
        continue;
      }
      for (int c = 0; c < classes; c++) {
        means[k][c] /= counts[k];
      }
    }
    return new SetStatistics(rows.length, correct, loss, entropy, means, counts);
  }

  static double[] softmax(double[] logits) {
    double max = Double.NEGATIVE_INFINITY;
    for (double x : logits) {
      max = Math.max(max, x);
    }
    double sum = 0;
    double[] p = new double[logits.length];
    for (int c = 0; c < p.length; c++) {
      p[c] = Math.exp(logits[c] - max);
      sum += p[c];
    }
    for (int c = 0; c < p.length; c++) {
      p[c] /= sum;
    }
    return p;
  }
}
