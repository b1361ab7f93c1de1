package dev.lotus.unlearn;

import dev.lotus.report.EpochTrace;
import java.util.List;
import java.util.Map;

/**
 * A point in a run, between two steps. Orders, augmentation and noise are functions of (seed,
 * epoch, pass, place, step), so these counters and the tensors beside them are all that a run goes
 * on from.
 *
 * @param epoch the epoch under way or about to begin, from 0
 * @param begun what the method decided at that epoch's begin (tau, accuracies); null = not begun
 * @param pass the pass under way within the epoch, from 0
 * @param images of that pass that are done
 * @param steps of the whole run that are done
 * @param lossSum sum of the losses of the epoch's finished passes
 * @param lossSamples samples of those passes
 * @param phases mean loss of each finished pass that has a name
 * @param trace the finished epochs
 * @param seconds the run has taken
 * @param epochSeconds the epoch has taken
 */
record RunPoint(
    int epoch,
    UnlearnMethod.Begin begun,
    int pass,
    int images,
    int steps,
    double lossSum,
    long lossSamples,
    Map<String, Double> phases,
    List<EpochTrace> trace,
    double seconds,
    double epochSeconds) {
  /** Nothing is done. */
  static final RunPoint START = new RunPoint(0, null, 0, 0, 0, 0, 0, Map.of(), List.of(), 0, 0);

  /** In words: {@code epoch 3, image 1280}. */
  String words() {
    return begun == null
        ? "the end of epoch " + epoch
        : "epoch " + (epoch + 1) + (pass == 0 ? "" : ", pass " + (pass + 1)) + ", image " + images;
  }
}
