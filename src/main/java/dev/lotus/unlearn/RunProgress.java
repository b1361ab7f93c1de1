package dev.lotus.unlearn;

import dev.lotus.report.EpochTrace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * How far a run is and what it has measured so far. The loops tell it of each step, pass and epoch,
 * and it has the run's checkpoints written; where a run goes on it begins in the middle.
 */
final class RunProgress {
  private static final float[] NONE = {};

  private final RunCheckpoints checkpoints;
  private long started = System.nanoTime();
  private final double secondsBefore;
  private final List<EpochTrace> trace;
  private final Map<String, Double> phases;
  private int epoch;
  private UnlearnMethod.Begin begun;
  private int pass;
  private float[] losses;
  private int steps;
  private double lossSum;
  private long lossSamples;
  private long epochStarted = System.nanoTime();
  private double epochSecondsBefore;

  /** From the start, and nothing is written. */
  RunProgress() {
    this(RunCheckpoints.NONE, RunPoint.START, NONE);
  }

  /**
   * @param losses of the images of the pass under way that are done
   */
  RunProgress(RunCheckpoints checkpoints, RunPoint from, float[] losses) {
    this.checkpoints = checkpoints;
    this.losses = losses;
    secondsBefore = from.seconds();
    trace = new ArrayList<>(from.trace());
    phases = new LinkedHashMap<>(from.phases());
    epoch = from.epoch();
    begun = from.begun();
    pass = from.pass();
    steps = from.steps();
    lossSum = from.lossSum();
    lossSamples = from.lossSamples();
    epochSecondsBefore = from.epochSeconds();
  }

  /** The epoch to go on with, from 0. */
  int epoch() {
    return epoch;
  }

  /** What was decided at that epoch's begin, or null if it has not begun. */
  UnlearnMethod.Begin begun() {
    return begun;
  }

  /** The epoch begins, or goes on. */
  void begin(UnlearnMethod.Begin decided) {
    begun = decided;
    checkpoints.stepping(true);
  }

  /** The pass to go on with. */
  int pass() {
    return pass;
  }

  /** Losses of its images that are done. */
  float[] losses() {
    return losses;
  }

  /** Steps done in the whole run. */
  int steps() {
    return steps;
  }

  /**
   * What this process has to say about the step under way: whether a checkpoint is due, and whether
   * it was asked to stop. Several processes must do both together.
   */
  float[] words() {
    return checkpoints.words();
  }

  /**
   * A step is done; the first {@code images} of the pass's losses are known, each in the process
   * that had the image.
   *
   * @param said sums of all processes' {@link #words}; none where there is one process
   * @throws RunStoppedException once the checkpoint is written, where the run was asked to stop
   */
  void step(int stepsDone, int images, Tensor losses_N, float[] said) {
    steps = stepsDone;
    if (checkpoints.due(said)) {
      save(images, checkpoints.whole(losses_N.narrow(0, 0, images)));
    }
  }

  /** The pass is over. */
  void over(Pass done, double meanLoss) {
    lossSum += meanLoss * done.order().size();
    lossSamples += done.order().size();
    if (done.phase() != null) {
      phases.put(done.phase(), meanLoss);
    }
    pass++;
    losses = NONE;
  }

  /**
   * The epoch is over.
   *
   * @throws RunStoppedException as {@link #step}
   */
  EpochTrace end() {
    EpochTrace ended =
        new EpochTrace(
            epoch + 1,
            begun.tau(),
            begun.accForget(),
            begun.accUnseen(),
            lossSum / lossSamples,
            phases,
            epochSeconds());
    trace.add(ended);
    epoch++;
    begun = null;
    pass = 0;
    lossSum = 0;
    lossSamples = 0;
    phases.clear();
    epochSecondsBefore = 0;
    epochStarted = System.nanoTime();
    if (checkpoints.dueAtEpochEnd()) {
      save(0, null);
      checkpoints.stepping(false);
    }
    return ended;
  }

  /** What writing takes is none of the run's seconds. */
  private void save(int images, Tensor losses_N) {
    long begin = System.nanoTime();
    checkpoints.save(point(images), losses_N);
    long taken = System.nanoTime() - begin;
    started += taken;
    epochStarted += taken;
  }

  List<EpochTrace> trace() {
    return trace;
  }

  /** What the run has taken, before and after every interruption, without writing checkpoints. */
  double seconds() {
    return secondsBefore + (System.nanoTime() - started) / 1e9;
  }

  private double epochSeconds() {
    return epochSecondsBefore + (System.nanoTime() - epochStarted) / 1e9;
  }

  private RunPoint point(int images) {
    return new RunPoint(
        epoch,
        begun,
        pass,
        images,
        steps,
        lossSum,
        lossSamples,
        phases,
        trace,
        seconds(),
        epochSeconds());
  }
}
