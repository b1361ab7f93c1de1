package dev.lotus.unlearn;

import dev.lotus.dist.Shards;
import dev.lotus.load.Batch;
import dev.lotus.load.BatchLoader;
import dev.lotus.load.EpochOrder;
import java.util.Iterator;

/**
 * A second stream of training batches beside a pass, batch for batch of its size: its samples are
 * drawn in a new order each time that all were seen, until there are as many as the pass has.
 */
final class Partner implements AutoCloseable {
  /** Keeps the partner's draws apart from those of the passes. */
  private static final long DRAW = 1L << 48;

  private final int[] samples;
  private final long seed;
  private final BatchLoader loader;
  private EpochOrder order;
  private int epoch;
  private Iterator<Batch> batches;

  Partner(UnlearnMethod.Task task, int[] samples) {
    this.samples = samples;
    this.seed = task.config().seed();
    this.loader =
        new BatchLoader(
            task.data().dataset().train(),
            task.engine().normalization(),
            task.config().augmentation(),
            Shards.of(task.engine().group(), task.config().batch(), task.engine().bnBatch()),
            task.engine().device());
  }

  /** Begins anew, for a pass over that many samples in that epoch. */
  void begin(int size, int epoch) {
    this.epoch = epoch;
    order = order(samples, size, seed, epoch);
    batches = null;
  }

  /** The first {@code size} of the samples in orders drawn one after the other. */
  static EpochOrder order(int[] samples, int size, long seed, int epoch) {
    int[] order = new int[size];
    for (int done = 0, round = 0; done < size; done += samples.length, round++) {
      int[] places =
          EpochOrder.permutation(samples.length, seed, DRAW + ((long) round << 24) + epoch);
      for (int i = 0; i < samples.length && done + i < size; i++) {
        order[done + i] = samples[places[i]];
      }
    }
    return EpochOrder.of(order);
  }

  /**
   * The batch at the same place, in the caller's scope; after the first of a pass, the next one.
   *
   * @param beside the pass's batch; a pass that goes on begins in the middle
   */
  Batch next(Batch beside) {
    if (batches == null) {
      batches = loader.epoch(order, DRAW + epoch, seed, beside.start());
    }
    return batches.next();
  }

  @Override
  public void close() {
    loader.close();
  }
}
