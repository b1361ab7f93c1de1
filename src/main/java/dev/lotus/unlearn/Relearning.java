package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.load.Augmentation;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.FusedUpdate;
import dev.lotus.optim.WeightUpdate;

/**
 * How soon a model knows the forget set again: epochs of ordinary training until its accuracy on
 * the forget set is back at the original's, within {@value #TOLERANCE}. A model that has really
 * forgotten takes as long as the retrained one; one that only hides what it knows is back after an
 * epoch or two. Training on the forget set itself is relearning; training on retain data alone
 * should bring nothing back at all.
 *
 * <p>SGD with momentum 0.9, weight decay 5e-4 and the constant learning rate 1e-3 of the published
 * fine-tuning, on images without augmentation.
 */
public final class Relearning {
  /** Most epochs tried. */
  public static final int MAX_EPOCHS = 20;

  /** How far below the original's accuracy counts as back. */
  public static final double TOLERANCE = 0.01;

  private static final int BATCH = 128;
  private static final double LEARNING_RATE = 1e-3;
  private static final double MOMENTUM = 0.9;
  private static final double WEIGHT_DECAY = 5e-4;

  private final Engine engine;
  private final UnlearnData data;
  private final double original;
  private final long seed;

  /**
   * @param engine normalising as the model that is tried was trained
   * @param original accuracy of the original model on the forget set, 0..1
   * @param seed of the order of the images
   */
  public Relearning(Engine engine, UnlearnData data, double original, long seed) {
    this.engine = engine;
    this.data = data;
    this.original = original;
    this.seed = seed;
  }

  /** Epochs of training on the forget set; 0 where it was never forgotten. */
  public int onForget(Backbone model) {
    return epochs(model, data.split().forget());
  }

  /** Epochs of training on retain data only. */
  public int onRetain(Backbone model) {
    return epochs(model, data.split().retain());
  }

  /**
   * Trains a copy; {@code model} stays as it is, but for {@link Engine#place}.
   *
   * @return 0 to {@link #MAX_EPOCHS}, or {@code MAX_EPOCHS + 1} where that many were not enough
   * @throws dev.lotus.device.ResultException if the loss becomes NaN or infinite
   */
  private int epochs(Backbone model, int[] indices) {
    engine.place(model);
    ImageSet images = data.dataset().train();
    Evaluator evaluator = new Evaluator(engine);
    try (Backbone student = model.copy();
        WeightUpdate update =
            FusedUpdate.sgd(student.parameters(), LEARNING_RATE, MOMENTUM, WEIGHT_DECAY);
        EpochRunner runner =
            new EpochRunner(engine, student, update, images, Augmentation.NONE, BATCH)) {
      Pass pass = Pass.of(EpochOrder.of(indices), new CrossEntropyStep(engine, student));
      for (int epoch = 0; ; epoch++) {
        double accuracy =
            evaluator.statistics(student, images, data.split().forget(), "forget").accuracy();
        if (accuracy >= original - TOLERANCE) {
          return epoch;
        }
        if (epoch == MAX_EPOCHS) {
          return MAX_EPOCHS + 1;
        }
        runner.run(pass, "relearning epoch " + (epoch + 1), epoch, seed, LEARNING_RATE);
      }
    }
  }
}
