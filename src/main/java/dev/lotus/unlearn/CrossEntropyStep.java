package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.load.Batch;
import org.bytedeco.pytorch.Tensor;

/**
 * Mean cross entropy against the labels: training from scratch, and what most methods do with the
 * samples to keep.
 *
 * @param model that is trained
 */
record CrossEntropyStep(Engine engine, Backbone model) implements EpochRunner.Repeatable {
  @Override
  public void backward(Batch batch, int step, Tensor losses_B) {
    backward(batch.images(), batch.labels(), batch.whole(), losses_B);
  }

  /** Nothing changes but the batch. */
  @Override
  public void feed(int step) {}

  @Override
  public void repeated(Batch batch) {
    engine.listener().forward(model, batch.images());
  }

  /**
   * The same of any images [B, ...] under any labels [B]; adds to the losses.
   *
   * @param whole rows of the whole batch
   */
  void backward(Tensor images, Tensor labels, int whole, Tensor losses_B) {
    LogitLoss loss = new LogitLoss(engine.device(), engine.logits(model, images));
    losses_B.add_(loss.crossEntropy(labels, 1.0 / whole));
    loss.backward();
  }
}
