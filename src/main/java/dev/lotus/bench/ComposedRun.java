package dev.lotus.bench;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.data.Split;
import dev.lotus.load.Augmentation;
import dev.lotus.load.Batch;
import dev.lotus.load.BatchLoader;
import dev.lotus.load.EpochOrder;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnData;
import java.util.Arrays;
import java.util.Iterator;
import java.util.function.BiConsumer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * LoTUS and its evaluation as the published code runs them (upstream {@code
 * lotus_class.py:180-305}, {@code eval.py}, {@code unlearn.py:190-230}): {@link ComposedStep}s, and
 * after them accuracies of the four sets in batches, then entropies for MIA and softmax outputs for
 * the divergences one image at a time. Images come from the same loader as the engine's.
 */
final class ComposedRun implements AutoCloseable {
  private final Engine engine;
  private final Backbone original;
  private final UnlearnData data;
  private final UnlearnConfig config;
  private final ComposedStep step;

  /**
   * @param original stays as it is
   */
  ComposedRun(Engine engine, Backbone original, UnlearnData data, UnlearnConfig config) {
    this.engine = engine;
    this.original = original.copy();
    this.original.channelsLast(false);
    this.original.train(false);
    this.data = data;
    this.config = config;
    this.step =
        new ComposedStep(engine.device(), original, config.learningRate(), config.weightDecay());
  }

  /** The epochs. */
  void unlearn() {
    Split split = data.split();
    int[] places = EpochOrder.permutation(split.retain().length, config.seed(), -1);
    int drawn = Math.max(1, (int) (split.retain().length * config.retainFraction()));
    int[] share = Arrays.stream(places).limit(drawn).map(place -> split.retain()[place]).toArray();
    EpochOrder samples = EpochOrder.of(split.forget(), share);
    try (BatchLoader loader = loader(data.dataset().train(), config.batch())) {
      for (int epoch = 0; epoch < config.epochs(); epoch++) {
        step.student().train(true);
        EpochOrder order = samples.shuffled(config.seed(), epoch);
        Iterator<Batch> batches = loader.epoch(order, epoch, config.seed());
        while (batches.hasNext()) {
          try (PointerScope scope = new PointerScope()) {
            // The published loop reads every loss.
            step.run(batches.next(), config.fixedTau(), ComposedStep.Noise.DRAWN).item_float();
          }
        }
      }
    }
  }

  /** What the published code evaluates of the unlearned model. */
  void evaluate() {
    Split split = data.split();
    ImageSet train = data.dataset().train();
    ImageSet heldOut = data.dataset().heldOut();
    Backbone student = step.student();
    accuracy(student, train, split.forget());
    accuracy(student, train, split.retain());
    accuracy(student, heldOut, split.val());
    accuracy(student, heldOut, split.test());
    for (int[] set : new int[][] {split.retain(), split.forget()}) {
      forEach(student, train, set, 1, (logits, batch) -> entropy(logits));
    }
    for (int[] set : new int[][] {split.test(), split.val()}) {
      forEach(student, heldOut, set, 1, (logits, batch) -> entropy(logits));
    }
    forEach(student, train, split.forget(), 1, (logits, batch) -> torch.softmax(logits, -1));
    forEach(original, heldOut, split.test(), 1, (logits, batch) -> torch.softmax(logits, -1));
  }

  private static void entropy(Tensor logits) {
    Tensor p = torch.softmax(logits, -1);
    p.mul(p.log()).sum().neg().item_float();
  }

  private double accuracy(Backbone model, ImageSet images, int[] indices) {
    long[] correct = {0};
    forEach(
        model,
        images,
        indices,
        config.batch(),
        (logits, batch) ->
            correct[0] +=
                logits.argmax(new LongOptional(1), false).eq(batch.labels()).sum().item_long());
    return (double) correct[0] / indices.length;
  }

  private void forEach(
      Backbone model, ImageSet images, int[] indices, int size, BiConsumer<Tensor, Batch> action) {
    model.train(false);
    try (BatchLoader loader =
            new BatchLoader(
                images, engine.normalization(), Augmentation.NONE, size, engine.device());
        NoGradGuard noGrad = new NoGradGuard()) {
      Iterator<Batch> batches = loader.epoch(EpochOrder.of(indices), 0, 0);
      while (batches.hasNext()) {
        try (PointerScope scope = new PointerScope()) {
          Batch batch = batches.next();
          action.accept(model.forward(batch.images()), batch);
        }
      }
    }
  }

  private BatchLoader loader(ImageSet images, int size) {
    return new BatchLoader(
        images, engine.normalization(), config.augmentation(), size, engine.device());
  }

  @Override
  public void close() {
    step.close();
    original.close();
  }
}
