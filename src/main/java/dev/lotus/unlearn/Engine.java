package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.Normalization;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.Precision;
import dev.lotus.device.TorchRuntime;
import dev.lotus.dist.WorkerGroup;
import dev.lotus.kernel.Kernels;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Where and how everything of a run computes.
 *
 * @param device of the weights and batches
 * @param precision of the backbone's arithmetic
 * @param normalization of the images, as the model was trained with
 * @param listener is told of progress
 * @param group the processes that share the run's batches
 * @param bnBatch rows that BatchNorm takes statistics over in training; null = a process's part of
 *     a batch
 */
public record Engine(
    ComputeDevice device,
    Precision precision,
    Normalization normalization,
    Listener listener,
    WorkerGroup group,
    Integer bnBatch) {
  /** Of one process, whose BatchNorm takes whole batches. */
  public Engine(
      ComputeDevice device, Precision precision, Normalization normalization, Listener listener) {
    this(device, precision, normalization, listener, WorkerGroup.ALONE, null);
  }

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

    /** A model is about to run forward on a batch; recorded by autograd where that is on. */
    default void forward(Backbone model, Tensor images_BCHW) {}

    /** A training step was one graph, recorded before. */
    default void repeated() {}

    /** Something that the user may want to know, in a line. */
    default void note(String line) {}

    /** A piece of work of so many images begins. */
    void begin(String what, long images);

    /** So many more are done. */
    void advance(long images);

    /** The piece of work ended, or was left. */
    void end();
  }

  /**
   * Loads libtorch if need be, makes sure that backbone and kernels can compute there, and sets
   * what fp32 products are in this process ({@link Precision#arithmetic}).
   *
   * @throws InputException if they cannot, or the device does not have the precision
   */
  public static Engine open(
      ComputeDevice device, Precision precision, Normalization normalization, Listener listener) {
    TorchRuntime.loadOnce();
    // For good: the backward passes of the engine's runs need it as well.
    precision.arithmetic(device);
    // The GPU's libtorch alone is not enough: the kernels must run there too.
    String reason = Kernels.unavailableReason(device.nativeIndex());
    if (!reason.isEmpty()) {
      throw new InputException(
          "device " + device + ": libtorch can use it, but the kernels cannot: " + reason);
    }
    if (device.cuda()) {
      // The images of a run are of one size: the search for the quickest convolutions pays off.
      torch.globalContext().setBenchmarkCuDNN(true);
    }
    return new Engine(device, precision, normalization, listener);
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
    listener.forward(model, images_BCHW);
    try (Precision.Mode mode = precision.autocast(device)) {
      return model.forward(images_BCHW);
    }
  }

  /** The same for one of several processes, or with other rows for BatchNorm. */
  public Engine in(WorkerGroup processes, Integer bnBatch) {
    return new Engine(device, precision, normalization, listener, processes, bnBatch);
  }

  /** The same, telling somebody else. */
  public Engine telling(Listener other) {
    return new Engine(device, precision, normalization, other, group, bnBatch);
  }

  /** The same for images normalised in another way. */
  public Engine with(Normalization other) {
    return new Engine(device, precision, other, listener, group, bnBatch);
  }
}
