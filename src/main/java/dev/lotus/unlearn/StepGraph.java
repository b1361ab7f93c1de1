package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.NativeScope;
import dev.lotus.device.TorchRuntime;
import dev.lotus.load.Batch;
import dev.lotus.optim.RepeatableUpdate;
import dev.lotus.optim.WeightUpdate;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/**
 * Takes the steps of an {@link EpochRunner}. On a GPU, a full batch's step, forward pass to weight
 * update, is recorded once a pass and then repeated as one graph, from batches that are copied to
 * where the first one lay; what changes from step to step is in the device's memory. Steps before,
 * partial batches, and methods and models that cannot be repeated are taken one operation after the
 * other, with the same bits.
 */
final class StepGraph implements AutoCloseable {
  /** Steps before the first recording: memory is allocated, kernels are loaded and chosen. */
  static final int WARM_UP = 3;

  /** Work that was recorded. */
  interface Recording extends AutoCloseable {
    /** Queues it once more; the first time right after it was recorded. */
    void play();

    @Override
    void close();
  }

  /** How work is recorded, or how not. */
  interface Recorder {
    /** Whether anything is to be recorded. */
    boolean records();

    /** Surrounds a pass: its steps are between this and the result's close. */
    Place open();

    /**
     * Records what {@code work} queues on the device, and does not run it there.
     *
     * @param host what {@code work} did on the host beside, for each repetition after the first
     */
    Recording record(Runnable work, Runnable host);
  }

  /** Where a pass's work is queued, until it is closed. */
  interface Place extends AutoCloseable {
    @Override
    void close();
  }

  private final Engine engine;
  private final Backbone student;
  private final WeightUpdate update;
  private final int batchSize;
  private final Recorder recorder;
  private Class<?> warmed;
  private int warm;
  private boolean refused;
  private Recording recording;
  private Batch fixed;
  private Tensor fixedLosses;

  StepGraph(
      Engine engine, Backbone student, WeightUpdate update, int batchSize, Recorder recorder) {
    this.engine = engine;
    this.student = student;
    this.update = update;
    this.batchSize = batchSize;
    this.recorder = recorder;
  }

  /** A pass begins; the result ends it, whatever happened. */
  Place begin(Pass pass) {
    if (!recorder.records()) {
      return () -> {};
    }
    if (pass.step().getClass() != warmed) {
      warmed = pass.step().getClass();
      warm = 0;
    }
    Place place = recorder.open();
    return () -> {
      // Between passes weights may move and models be prepared anew: no recording outlives its own.
      try {
        forget();
      } finally {
        place.close();
      }
    };
  }

  /**
   * One step, the weight update included.
   *
   * @param step number of the step in the whole run
   * @param losses_B where the rows' losses go, zeros
   */
  void take(Pass pass, Batch batch, int step, Tensor losses_B) {
    EpochRunner.Repeatable repeatable = repeatable(pass);
    if (repeatable == null) {
      eager(pass, batch, step, losses_B);
      return;
    }
    repeatable.feed(step);
    if (refused || batch.size() != batchSize || warm < WARM_UP) {
      warm += batch.size() == batchSize ? 1 : 0;
      eager(pass, batch, step, losses_B);
      return;
    }
    RepeatableUpdate repeated = (RepeatableUpdate) update;
    repeated.feed();
    if (recording == null && !record(pass, repeated, repeatable, batch, step)) {
      update.zeroGrad();
      repeatable.backward(batch, step, losses_B);
      repeated.repeatable();
      return;
    }
    try (PointerScope scope = new PointerScope()) {
      fixed.images().copy_(batch.images(), true);
      fixed.labels().copy_(batch.labels(), true);
      fixed.there().isForget().copy_(batch.flags(), true);
      fixed.there().samples().copy_(batch.positions(), true);
      fixed.there().indices().copy_(batch.places(), true);
      recording.play();
      losses_B.copy_(fixedLosses, true);
    }
    engine.listener().repeated();
  }

  private void eager(Pass pass, Batch batch, int step, Tensor losses_B) {
    update.zeroGrad();
    pass.step().backward(batch, step, losses_B);
    update.step();
  }

  /** Null where the pass's steps cannot be repeated. */
  private EpochRunner.Repeatable repeatable(Pass pass) {
    return recorder.records()
            && update instanceof RepeatableUpdate
            && student.repeatable()
            && pass.step() instanceof EpochRunner.Repeatable step
        ? step
        : null;
  }

  private boolean record(
      Pass pass,
      RepeatableUpdate repeated,
      EpochRunner.Repeatable repeatable,
      Batch like,
      int step) {
    keep(like);
    Map<String, Tensor> counters = counters();
    try {
      recording =
          recorder.record(
              () -> {
                repeated.zeroGrad();
                fixedLosses.zero_();
                repeatable.backward(fixed, step, fixedLosses);
                repeated.repeatable();
              },
              () -> {
                if (pass.training()) {
                  student.countBatch();
                }
                repeatable.repeated(fixed);
              });
      return true;
    } catch (RuntimeException e) {
      refused = true;
      restore(counters);
      engine
          .listener()
          .note(
              "steps are taken one operation after the other; one graph was refused: "
                  + TorchRuntime.firstLine(e));
      return false;
    }
  }

  /** Memory of its own, of the shape and order of a batch. */
  private void keep(Batch like) {
    if (fixed != null) {
      return;
    }
    try (PointerScope scope = new PointerScope()) {
      // On the host, a recorded step must not look at the batch: that would be the first one's.
      int[] none = new int[like.size()];
      Arrays.fill(none, -1);
      fixed =
          new Batch(
              NativeScope.own(like.images().clone()),
              NativeScope.own(like.labels().clone()),
              null,
              null,
              none,
              0,
              like.whole(),
              new Batch.There(
                  NativeScope.own(like.flags().clone()),
                  NativeScope.own(like.positions().clone()),
                  NativeScope.own(like.places().clone())));
      fixedLosses = NativeScope.own(Evaluator.zeros(engine.device(), like.size()));
    }
  }

  /** What a forward pass counts on the host: recording one that fails counts too much. */
  private Map<String, Tensor> counters() {
    Map<String, Tensor> counters = new LinkedHashMap<>();
    student
        .state()
        .forEach(
            (name, tensor) -> {
              if (name.endsWith("num_batches_tracked")) {
                counters.put(name, tensor.clone());
              }
            });
    return counters;
  }

  private void restore(Map<String, Tensor> counters) {
    try (NoGradGuard noGrad = new NoGradGuard()) {
      Map<String, Tensor> state = student.state();
      counters.forEach((name, before) -> state.get(name).copy_(before));
    }
  }

  private void forget() {
    if (recording != null) {
      recording.close();
      recording = null;
    }
    if (fixed != null) {
      NativeScope.release(fixed.images());
      NativeScope.release(fixed.labels());
      NativeScope.release(fixed.there().isForget());
      NativeScope.release(fixed.there().samples());
      NativeScope.release(fixed.there().indices());
      NativeScope.release(fixedLosses);
      fixed = null;
    }
  }

  @Override
  public void close() {
    forget();
  }
}
