package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.device.NativeScope;
import dev.lotus.load.Augmentation;
import dev.lotus.load.Batch;
import dev.lotus.load.EpochOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A teacher's logits of a batch, in evaluation mode. Teachers never change: where the input is not
 * randomly augmented their logits are computed once and kept; else they run on each batch.
 */
final class TeacherLogits implements AutoCloseable {
  private final Engine engine;
  private final Backbone teacher;
  private final Tensor kept_NC;
  private final Map<Integer, Long> rowOf;
  private final Double accForget;
  private Tensor rowOfPlace;

  private TeacherLogits(
      Engine engine, Backbone teacher, Tensor kept_NC, Map<Integer, Long> rowOf, Double accForget) {
    this.engine = engine;
    this.teacher = teacher;
    this.kept_NC = kept_NC;
    this.rowOf = rowOf;
    this.accForget = accForget;
  }

  /** The original model's, for batches of these samples. */
  static TeacherLogits of(UnlearnMethod.Task task, EpochOrder samples) {
    return of(task, task.original(), samples);
  }

  /** Any model's; the caller keeps it open. */
  static TeacherLogits of(UnlearnMethod.Task task, Backbone teacher, EpochOrder samples) {
    teacher.train(false);
    if (!task.config().augmentation().equals(Augmentation.NONE)) {
      teacher.frozen(true);
      return new TeacherLogits(task.engine(), teacher, null, Map.of(), null);
    }
    Map<Integer, Long> rowOf = new HashMap<>();
    for (int i = 0; i < samples.size(); i++) {
      rowOf.put(samples.indices()[i], (long) i);
    }
    try (PointerScope scope = new PointerScope()) {
      Tensor logits =
          new Evaluator(task.engine())
              .logits(teacher, task.data().dataset().train(), samples.indices(), "teacher");
      return new TeacherLogits(
          task.engine(), teacher, NativeScope.own(logits), rowOf, accuracy(task, logits, samples));
    }
  }

  /** On the images to forget, from the logits that are there anyway. */
  private static Double accuracy(UnlearnMethod.Task task, Tensor logits_NC, EpochOrder samples) {
    ImageSet images = task.data().dataset().train();
    long[] best = Evaluator.hostLongs(logits_NC.argmax(new LongOptional(1), false));
    int forget = 0;
    int correct = 0;
    for (int i = 0; i < best.length; i++) {
      if (samples.isForget()[i] == 1) {
        forget++;
        correct += best[i] == images.label(samples.indices()[i]) ? 1 : 0;
      }
    }
    return forget == 0 ? null : (Double) ((double) correct / forget);
  }

  /** The teacher's accuracy on the forget set, or null where its logits are not kept. */
  Double accForget() {
    return accForget;
  }

  /** [B, C], owned by the caller's scope. */
  Tensor of(Batch batch) {
    if (kept_NC == null) {
      try (NoGradGuard noGrad = new NoGradGuard()) {
        return engine.logits(teacher, batch.images()).contiguous();
      }
    }
    if (batch.there() != null) {
      return kept_NC.index_select(0, rowOfPlace().index_select(0, batch.places()));
    }
    long[] rows = new long[batch.size()];
    for (int b = 0; b < rows.length; b++) {
      rows[b] = rowOf.get(batch.indices()[b]);
    }
    return kept_NC.index_select(0, torch.tensor(rows));
  }

  /** [places in the image set] on the device, so that no batch's rows come from the host. */
  private Tensor rowOfPlace() {
    if (rowOfPlace == null) {
      long[] rows = new long[1 + rowOf.keySet().stream().mapToInt(place -> place).max().orElse(0)];
      Arrays.fill(rows, -1); // an image that the teacher has not seen is an error, not its first
      rowOf.forEach((place, row) -> rows[place] = row);
      rowOfPlace = NativeScope.own(Evaluator.on(engine.device(), torch.tensor(rows)));
    }
    return rowOfPlace;
  }

  /** A recorded {@link #of} was repeated. */
  void repeated(Batch batch) {
    if (kept_NC == null) {
      try (NoGradGuard noGrad = new NoGradGuard()) {
        engine.listener().forward(teacher, batch.images());
      }
    }
  }

  @Override
  public void close() {
    teacher.frozen(false);
    if (rowOfPlace != null) {
      NativeScope.release(rowOfPlace);
    }
    if (kept_NC != null) {
      NativeScope.release(kept_NC);
    }
  }
}
