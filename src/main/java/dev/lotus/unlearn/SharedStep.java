package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.dist.GradientBuckets;
import dev.lotus.dist.Shards;
import dev.lotus.dist.WorkerGroup;
import dev.lotus.load.Batch;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * The gradient of a batch that several processes have a part of: each runs its own rows, whose
 * gradients are parts of the batch's mean, and all get the sum. BatchNorm's running statistics move
 * towards the mean over all shards. One process alone may cut its batches just so.
 */
final class SharedStep implements AutoCloseable {
  static final float[] NO_WORDS = {};

  private final WorkerGroup group;
  private final Backbone student;
  private final Shards shards;
  private GradientBuckets buckets;

  SharedStep(WorkerGroup group, Backbone student, Shards shards) {
    this.group = group;
    this.student = student;
    this.shards = shards;
  }

  /** Whether batches are cut at all. */
  boolean divides() {
    return !group.alone() || shards.several();
  }

  /**
   * Runs the backward pass of this process's rows and leaves the batch's gradient in the student.
   *
   * @param words a few numbers to be summed over the processes on the way
   * @return their sums; none where there is one process
   */
  float[] take(Pass pass, Batch batch, Runnable backward, float... words) {
    int runs = shards.cut(batch.whole()).length;
    boolean ownStatistics =
        pass.training() && (runs > 1 || !group.alone()) && student.hasBatchNorm();
    student.shards(ownStatistics ? shards.of(batch.whole(), group.rank()) : null);
    try (PointerScope scope = new PointerScope()) {
      if (group.alone()) {
        backward.run();
        move(ownStatistics ? student.takeStatistics() : List.of(), runs);
        return NO_WORDS;
      }
      if (buckets == null) {
        // Not before the first step: until then the weights may be drawn anew or moved.
        buckets = new GradientBuckets(group, student.parameters());
      }
      buckets.begin(pass.backwards(), words);
      if (batch.size() > 0) {
        backward.run();
      }
      Tensor sums = ownStatistics ? joined(pass, batch) : null;
      float[] said = buckets.finish(shards.leavesOut(batch.whole()), sums);
      if (ownStatistics) {
        long each = sums.numel() / pass.backwards();
        List<Tensor> statistics = new ArrayList<>();
        for (int i = 0; i < pass.backwards(); i++) {
          statistics.add(sums.narrow(0, i * each, each));
        }
        move(statistics, runs);
      }
      return said;
    } finally {
      student.shards(null);
    }
  }

  private void move(List<Tensor> statistics, int runs) {
    statistics.forEach(sums -> student.moveStatistics(sums, runs));
  }

  /** This process's statistics of the step's passes, one after the other. */
  private Tensor joined(Pass pass, Batch batch) {
    List<Tensor> taken = student.takeStatistics();
    TensorVector all = new TensorVector();
    for (int i = 0; i < pass.backwards(); i++) {
      all.push_back(batch.size() > 0 ? taken.get(i) : student.noStatistics());
    }
    return torch.cat(all, 0);
  }

  @Override
  public void close() {
    if (buckets != null) {
      buckets.close();
    }
  }
}
