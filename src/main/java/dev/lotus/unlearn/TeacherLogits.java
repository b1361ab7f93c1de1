package dev.lotus.unlearn;

import dev.lotus.device.NativeScope;
import dev.lotus.device.Precision;
import dev.lotus.load.Augmentation;
import dev.lotus.load.Batch;
import dev.lotus.load.EpochOrder;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The original model's logits of a batch, in evaluation mode. The original never changes: where the
 * input is not randomly augmented its logits are computed once and kept; else it runs on each
 * batch.
 */
final class TeacherLogits implements AutoCloseable {
  private final UnlearnMethod.Task task;
  private final Tensor kept_NC;
  private final Map<Integer, Long> rowOf;

  private TeacherLogits(UnlearnMethod.Task task, Tensor kept_NC, Map<Integer, Long> rowOf) {
    this.task = task;
    this.kept_NC = kept_NC;
    this.rowOf = rowOf;
  }

  /** For batches of these samples. */
  static TeacherLogits of(UnlearnMethod.Task task, EpochOrder samples) {
    task.original().train(false);
    if (!task.config().augmentation().equals(Augmentation.NONE)) {
      return new TeacherLogits(task, null, Map.of());
    }
    Map<Integer, Long> rowOf = new HashMap<>();
    for (int i = 0; i < samples.size(); i++) {
      rowOf.put(samples.indices()[i], (long) i);
    }
    try (PointerScope scope = new PointerScope()) {
      Tensor logits =
          new Evaluator(task.engine())
              .logits(task.original(), task.data().dataset().train(), samples.indices(), "teacher");
      return new TeacherLogits(task, NativeScope.own(logits), rowOf);
    }
  }

  /** [B, C], owned by the caller's scope. */
  Tensor of(Batch batch) {
    if (kept_NC == null) {
      try (NoGradGuard noGrad = new NoGradGuard();
          Precision.Mode mode = task.engine().precision().autocast(task.engine().device())) {
        return task.original().forward(batch.images()).contiguous();
      }
    }
    long[] rows = new long[batch.size()];
    for (int b = 0; b < rows.length; b++) {
      rows[b] = rowOf.get(batch.indices()[b]);
    }
    return kept_NC.index_select(0, Evaluator.on(task.engine().device(), torch.tensor(rows)));
  }

  @Override
  public void close() {
    if (kept_NC != null) {
      NativeScope.release(kept_NC);
    }
  }
}
