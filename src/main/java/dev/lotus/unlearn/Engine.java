package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.Normalization;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.Precision;
import org.bytedeco.pytorch.Tensor;

/**
 * Where and how everything of a run computes.
 *
 * @param device of the weights and batches
 * @param precision of the backbone's arithmetic
 * @param normalization of the images, as the model was trained with
 * @param listener is told of progress
 */
public record Engine(
    ComputeDevice device, Precision precision, Normalization normalization, Listener listener) {

  /** Told what long work is under way; calls come from the working thread. */
  public interface Listener {
    /** Nobody listens. */
    Listener NONE =
        new Listener() {
          @Override
          public void begin(String what, long steps) {}

          @Override
          public void advance(long steps) {}

          @Override
          public void end() {}
        };

    /** A piece of work of so many images begins. */
    void begin(String what, long images);

    /** So many more are done. */
    void advance(long images);

    /** The piece of work ended, or was left. */
    void end();
  }

  /**
   * Puts a model where it computes: on the device, in channels-last order, which convolutions take
   * a third less time in.
   */
  public void place(Backbone model) {
    model.to(device);
    model.channelsLast(true);
  }

  /** A batch's logits [B, C] in the run's precision; recorded by autograd unless that is off. */
  Tensor logits(Backbone model, Tensor images_BCHW) {
    try (Precision.Mode mode = precision.autocast(device)) {
      return model.forward(images_BCHW);
    }
  }

  /** The same for images normalised in another way. */
  public Engine with(Normalization other) {
    return new Engine(device, precision, other, listener);
  }
}
