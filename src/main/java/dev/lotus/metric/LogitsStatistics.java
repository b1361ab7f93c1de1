package dev.lotus.metric;

import dev.lotus.kernel.DType;
import dev.lotus.kernel.EvaluateLogits;
import dev.lotus.kernel.EvaluateLogits.ClassSums;
import dev.lotus.kernel.Matrix;
import java.util.Arrays;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;

/**
 * {@link SetStatistics} of stored outputs, in one pass. Logits that a float holds exactly go
 * through the kernel that evaluation on the CPU uses, row for row, so the numbers are the same
 * bits; what a float cannot hold (F64, probabilities) is computed in double.
 */
final class LogitsStatistics {
  /** Values handed to the kernel at a time. */
  private static final int CHUNK = 1 << 18;

  private final StoredLogits file;
  private final String base;
  private final int rows;
  private final int classes;
  private final int[] labels;
  private final int[] slot;
  private final long[] counts;
  private final double[][] sums;
  private final float[] loss;
  private final float[] entropy;
  private long correct;

  private LogitsStatistics(StoredLogits file, String base, int[] labels, boolean classMeans) {
    this.file = file;
    this.base = base;
    this.rows = file.rows(base);
    this.classes = file.classes(base);
    this.labels = labels;
    this.loss = new float[rows];
    this.entropy = new float[rows];
    this.slot = new int[classes];
    Arrays.fill(slot, -1);
    this.counts = new long[classes];
    int slots = 0;
    if (labels != null) {
      for (int label : labels) {
        counts[label]++;
        if (classMeans && slot[label] < 0) {
          slot[label] = slots++;
        }
      }
    }
    this.sums = new double[slots][classes];
  }

  /**
   * @param labels one a row, each below the number of classes; null where there are none: then only
   *     entropies are known
   * @param classMeans whether class means are wanted; they need labels
   */
  static SetStatistics of(StoredLogits file, String base, int[] labels, boolean classMeans) {
    LogitsStatistics pass = new LogitsStatistics(file, base, labels, classMeans);
    if (file.exactInFloat(base)) {
      pass.byKernel();
    } else {
      boolean logits = file.outputs(base).endsWith(".logits");
      file.forEachRow(
          base, (row, values) -> pass.inDouble(row, logits ? Softmax.of(values) : values));
    }
    return pass.result(classMeans && labels != null);
  }

  private SetStatistics result(boolean means) {
    double[][] byClass = new double[classes][];
    for (int k = 0; k < classes; k++) {
      if (slot[k] >= 0) {
        byClass[k] = sums[slot[k]];
        for (int c = 0; c < classes; c++) {
          byClass[k][c] /= counts[k];
        }
      }
    }
    return new SetStatistics(
        rows,
        correct,
        labels == null ? null : loss,
        entropy,
        means ? byClass : null,
        means ? counts : null);
  }

  private void inDouble(int row, double[] values) {
    double sum = 0;
    int best = 0;
    for (int c = 0; c < classes; c++) {
      sum += values[c];
      best = values[c] > values[best] ? c : best;
    }
    double h = 0;
    for (int c = 0; c < classes; c++) {
      double p = values[c] / sum;
      h -= p > 0 ? p * Math.log(p) : 0;
      if (labels != null && slot[labels[row]] >= 0) {
        sums[slot[labels[row]]][c] += p;
      }
    }
    entropy[row] = (float) h;
    if (labels != null) {
      loss[row] = (float) -Math.log(values[labels[row]] / sum);
      correct += best == labels[row] ? 1 : 0;
    }
  }

  private void byKernel() {
    int chunk = Math.max(1, Math.min(rows, CHUNK / classes));
    float[] values = new float[chunk * classes];
    long[] chunkLabels = new long[chunk];
    try (PointerScope scope = new PointerScope()) {
      FloatPointer logits = new FloatPointer((long) values.length);
      LongPointer ids = new LongPointer((long) chunk);
      LongPointer counter = new LongPointer(1);
      counter.put(0);
      FloatPointer losses = new FloatPointer((long) chunk);
      FloatPointer entropies = new FloatPointer((long) chunk);
      DoublePointer classSums = new DoublePointer((long) Math.max(1, sums.length) * classes);
      Pointer.memset(classSums, 0, classSums.capacity() * Double.BYTES);
      LongPointer classCounts = new LongPointer((long) Math.max(1, sums.length));
      Pointer.memset(classCounts, 0, classCounts.capacity() * Long.BYTES);
      ClassSums byClass =
          sums.length == 0
              ? null
              : new ClassSums(classSums, classCounts, new IntPointer(slot), sums.length);
      file.forEachRow(
          base,
          (row, stored) -> {
            int at = row % chunk;
            for (int c = 0; c < classes; c++) {
              values[at * classes + c] = (float) stored[c];
            }
            chunkLabels[at] = labels == null ? 0 : labels[row];
            if (at == chunk - 1 || row == rows - 1) {
              int count = at + 1;
              logits.put(values, 0, count * classes);
              ids.put(chunkLabels, 0, count);
              EvaluateLogits.run(
                  new Matrix(logits, count, classes, classes, DType.FLOAT32, Matrix.CPU),
                  ids,
                  new EvaluateLogits.Output(counter, losses, entropies, byClass, null),
                  null);
              losses.get(loss, row - at, count);
              entropies.get(entropy, row - at, count);
            }
          });
      correct = labels == null ? 0 : counter.get();
      for (int k = 0; k < sums.length; k++) {
        classSums.getPointer((long) k * classes).get(sums[k], 0, classes);
      }
    }
  }
}
