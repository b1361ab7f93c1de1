package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.device.Precision;
import dev.lotus.device.ResultException;
import dev.lotus.load.Augmentation;
import dev.lotus.load.Batch;
import dev.lotus.load.BatchLoader;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.WeightUpdate;
import java.util.Iterator;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The steps of an epoch: batch, forward, loss, backward, update. Losses stay on the device until
 * the epoch's end, where a NaN is found with the step that brought it; no step waits for the
 * device.
 */
public final class EpochRunner implements AutoCloseable {
  /** What a method puts between the student's logits and the backward pass. */
  public interface Step {
    /**
     * Computes the loss of each row and runs the backward pass of its mean.
     *
     * @param logits_BC the student's, recorded by autograd
     * @param step number of the step in the whole run, from 0
     * @param losses_B where the rows' losses go, fp32
     */
    void backward(Tensor logits_BC, Batch batch, int step, Tensor losses_B);
  }

  private final Engine engine;
  private final Backbone student;
  private final WeightUpdate update;
  private final BatchLoader loader;
  private int steps;

  public EpochRunner(
      Engine engine,
      Backbone student,
      WeightUpdate update,
      ImageSet images,
      Augmentation augmentation,
      int batchSize) {
    this.engine = engine;
    this.student = student;
    this.update = update;
    this.loader =
        new BatchLoader(images, engine.normalization(), augmentation, batchSize, engine.device());
  }

  /**
   * Trains on every sample of {@code order} once, the last partial batch included.
   *
   * @param epoch from 0
   * @param seed of the order's shuffling and the augmentation
   * @return mean loss over the samples
   * @throws ResultException at the epoch's end, if a loss was NaN or infinite
   */
  public double run(EpochOrder order, int epoch, long seed, double learningRate, Step action) {
    student.train(true);
    update.learningRate(learningRate);
    engine.listener().begin("epoch " + (epoch + 1), order.size());
    int firstStep = steps;
    int batchSize = 0;
    try (PointerScope scope = new PointerScope()) {
      Tensor losses = Evaluator.on(engine.device(), torch.zeros(order.size()));
      Iterator<Batch> batches = loader.epoch(order.shuffled(seed, epoch), epoch, seed);
      int done = 0;
      while (batches.hasNext()) {
        try (PointerScope stepScope = new PointerScope()) {
          Batch batch = batches.next();
          batchSize = Math.max(batchSize, batch.size());
          Tensor logits;
          try (Precision.Mode mode = engine.precision().autocast(engine.device())) {
            logits = student.forward(batch.images());
          }
          update.zeroGrad();
          action.backward(logits, batch, steps, losses.narrow(0, done, batch.size()));
          update.step();
          steps++;
          done += batch.size();
          engine.listener().advance(batch.size());
        }
      }
      return mean(losses, epoch, firstStep, batchSize);
    } finally {
      engine.listener().end();
    }
  }

  private static double mean(Tensor losses, int epoch, int firstStep, int batchSize) {
    float[] host = Evaluator.hostFloats(losses);
    double sum = 0;
    for (int i = 0; i < host.length; i++) {
      if (!Float.isFinite(host[i])) {
        throw new ResultException(
            "the loss became "
                + host[i]
                + " in epoch "
                + (epoch + 1)
                + ", step "
                + (firstStep + i / batchSize + 1)
                + " of the run; lower --lr");
      }
      sum += host[i];
    }
    return sum / host.length;
  }

  @Override
  public void close() {
    loader.close();
  }
}
