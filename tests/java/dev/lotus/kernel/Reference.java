package dev.lotus.kernel;

/** The definitions in plain double arithmetic, written for reading, not for speed. */
final class Reference {
  private Reference() {}

  static double logSumExp(float[] x, int at, int cols) {
    double top = Double.NEGATIVE_INFINITY;
    for (int c = 0; c < cols; c++) {
      top = Math.max(top, x[at + c]);
    }
    double sum = 0;
    for (int c = 0; c < cols; c++) {
      sum += Math.exp(x[at + c] - top);
    }
    return top + Math.log(sum);
  }

  static double[] softmax(float[] x, int at, int cols) {
    double lse = logSumExp(x, at, cols);
    double[] p = new double[cols];
    for (int c = 0; c < cols; c++) {
      p[c] = Math.exp(x[at + c] - lse);
    }
    return p;
  }

  static double[] softmax(double[] z) {
    double top = Double.NEGATIVE_INFINITY;
    for (double v : z) {
      top = Math.max(top, v);
    }
    double sum = 0;
    double[] p = new double[z.length];
    for (int c = 0; c < z.length; c++) {
      p[c] = Math.exp(z[c] - top);
      sum += p[c];
    }
    for (int c = 0; c < z.length; c++) {
      p[c] /= sum;
    }
    return p;
  }

  static int argmax(double[] z) {
    int best = 0;
    for (int c = 1; c < z.length; c++) {
      if (z[c] > z[best]) {
        best = c;
      }
    }
    return best;
  }

  /** How far the best score is above the second: below rounding, either may be the argmax. */
  static double margin(double[] z) {
    int best = argmax(z);
    double second = Double.NEGATIVE_INFINITY;
    for (int c = 0; c < z.length; c++) {
      if (c != best) {
        second = Math.max(second, z[c]);
      }
    }
    return z[best] - second;
  }

  /** LoTUS target of one row; {@code g} is its noise (zeros for none). */
  static double[] target(
      float[] teacher, int at, int cols, boolean forget, double[] g, double tau) {
    double[] z = new double[cols];
    for (int c = 0; c < cols; c++) {
      z[c] = (teacher[at + c] + g[c]) / (forget ? tau : 1);
    }
    if (forget) {
      return softmax(z);
    }
    double[] onehot = new double[cols];
    onehot[argmax(z)] = 1;
    return onehot;
  }

  static double crossEntropy(float[] student, int at, int cols, double[] target) {
    double lse = logSumExp(student, at, cols);
    double loss = 0;
    for (int c = 0; c < cols; c++) {
      if (target[c] > 0) {
        loss -= target[c] * (student[at + c] - lse);
      }
    }
    return loss;
  }

  static double entropy(float[] x, int at, int cols) {
    double sum = 0;
    for (double p : softmax(x, at, cols)) {
      sum -= p > 0 ? p * Math.log(p) : 0;
    }
    return sum;
  }

  static double jsdTextbook(double[] p, double[] q) {
    double ps = 0;
    double qs = 0;
    for (int c = 0; c < p.length; c++) {
      ps += p[c];
      qs += q[c];
    }
    double sum = 0;
    for (int c = 0; c < p.length; c++) {
      double a = p[c] / ps;
      double b = q[c] / qs;
      double m = (a + b) / 2;
      sum += (a > 0 ? a * Math.log(a / m) : 0) + (b > 0 ? b * Math.log(b / m) : 0);
    }
    return sum / 2;
  }

  /**
   * One row of the published form; pNorm and qNorm are the whole matrices' sums (1 for Bad
   * Teaching's form).
   */
  static double jsdUpstream(double[] p, double[] q, double pNorm, double qNorm) {
    double sum = 0;
    for (int c = 0; c < p.length; c++) {
      double a = clamp(p[c]) / pNorm;
      double b = clamp(q[c]) / qNorm;
      double m = (a + b) / 2;
      sum += m * Math.log(m / Math.sqrt(a * b));
    }
    return sum;
  }

  static double clamp(double p) {
    return Math.min(1, Math.max(1e-8f, p));
  }
}
