package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.Split;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.Precision;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.load.Augmentation;
import dev.lotus.load.Batch;
import dev.lotus.load.BatchLoader;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.WeightUpdate;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What the tests of methods share: a corner of the generated data, a network of one convolution,
 * and a plain loop over batches for references that are composed of libtorch operations.
 */
final class Rig {
  static final long SEED = 11;
  static final int BATCH = 8;

  final UnlearnData data;
  final Engine engine;

  private Rig(UnlearnData data) {
    this.data = data;
    this.engine =
        new Engine(
            ComputeDevice.CPU,
            Precision.FP32,
            data.dataset().normalization(),
            Engine.Listener.NONE);
  }

  /** That many samples of each set. */
  static Rig of(int forget, int retain, int heldOut) {
    Dataset dataset = Datasets.open("synthetic", null, 0);
    return cut(dataset, Split.random(dataset, 0.1, false, 1), forget, retain, heldOut);
  }

  /** A class is to be forgotten. */
  static Rig ofClass(int forget, int retain, int heldOut) {
    Dataset dataset = Datasets.open("synthetic", null, 0);
    return cut(dataset, Split.ofClass(dataset, 3, 1), forget, retain, heldOut);
  }

  /** The same samples, of which only the first few are to be forgotten. */
  Rig forgetting(int few) {
    Split split = data.split();
    int[] forget = split.forget();
    int[] retain = Arrays.copyOf(split.retain(), split.retain().length + forget.length - few);
    System.arraycopy(forget, few, retain, split.retain().length, forget.length - few);
    Split other =
        new Split(
            1,
            split.dataset(),
            split.dataSha256(),
            1,
            split.kind(),
            Arrays.copyOf(forget, few),
            retain,
            split.val(),
            split.test());
    return new Rig(new UnlearnData(data.dataset(), other));
  }

  private static Rig cut(Dataset dataset, Split whole, int forget, int retain, int heldOut) {
    Split corner =
        new Split(
            1,
            whole.dataset(),
            whole.dataSha256(),
            1,
            whole.kind(),
            Arrays.copyOf(whole.forget(), forget),
            Arrays.copyOf(whole.retain(), retain),
            Arrays.copyOf(whole.val(), heldOut),
            Arrays.copyOf(whole.test(), heldOut));
    return new Rig(new UnlearnData(dataset, corner));
  }

  /** A drawn network in evaluation mode; the caller closes it. */
  static Backbone model(long seed) {
    Backbone model = new TinyNet();
    model.initialise(seed);
    model.train(false);
    return model;
  }

  static UnlearnConfig config(
      String method, int epochs, double lr, double decay, UpstreamQuirk... quirks) {
    return config(method, epochs, lr, decay, Augmentation.NONE, quirks);
  }

  static UnlearnConfig config(
      String method,
      int epochs,
      double lr,
      double decay,
      Augmentation augmentation,
      UpstreamQuirk... quirks) {
    Set<UpstreamQuirk> set = EnumSet.noneOf(UpstreamQuirk.class);
    set.addAll(Arrays.asList(quirks));
    return new UnlearnConfig(
        method,
        epochs,
        BATCH,
        lr,
        decay,
        augmentation,
        0.3,
        2,
        null,
        Temperature.UNROUNDED,
        ForgetTarget.GUMBEL_SOFTMAX,
        RetainTarget.GUMBEL_HARD,
        UnlearnConfig.BETA,
        SEED,
        set);
  }

  /** The same with a fixed temperature: LoTUS then never stops early. */
  static UnlearnConfig fixedTau(UnlearnConfig c) {
    return c.with(c.epochs(), 2.0);
  }

  UnlearnLoop.Result run(Backbone original, UnlearnConfig config) {
    return new UnlearnLoop(engine, config).run(original, data, epoch -> {});
  }

  /** The values that a run leaves in every parameter and buffer. */
  float[] stateAfter(Backbone original, UnlearnConfig config) {
    try (Backbone model = run(original, config).model()) {
      return state(model);
    }
  }

  /** A copy of the original as a run makes it, for a reference to train. */
  Backbone student(Backbone original) {
    engine.place(original);
    return original.copy();
  }

  /** The batches of a pass, without augmentation. */
  void forEach(EpochOrder order, Consumer<Batch> action) {
    forEach(order, BATCH, action);
  }

  void forEach(EpochOrder order, int batch, Consumer<Batch> action) {
    try (BatchLoader loader =
        new BatchLoader(
            data.dataset().train(),
            engine.normalization(),
            Augmentation.NONE,
            batch,
            engine.device())) {
      Iterator<Batch> batches = loader.epoch(order, 0, 0);
      while (batches.hasNext()) {
        try (PointerScope scope = new PointerScope()) {
          action.accept(batches.next());
        }
      }
    }
  }

  /** A pass of a reference: clear, forward, the loss by autograd, backward, step. */
  void train(
      Backbone student,
      WeightUpdate update,
      EpochOrder order,
      BiFunction<Tensor, Batch, Tensor> loss) {
    student.train(true);
    forEach(
        order,
        batch -> {
          update.zeroGrad();
          loss.apply(student.forward(batch.images()), batch).backward();
          update.step();
        });
  }

  /** {@link #train} by cross entropy with the labels. */
  void descend(Backbone student, WeightUpdate update, EpochOrder order) {
    train(student, update, order, (logits, batch) -> crossEntropy(logits, batch.labels()));
  }

  EpochOrder forget() {
    return EpochOrder.of(data.split().forget());
  }

  EpochOrder retain() {
    return EpochOrder.of(data.split().retain());
  }

  /** The order that a pass of an epoch has. */
  static EpochOrder shuffled(EpochOrder order, int epoch, int pass) {
    return order.shuffled(SEED, EpochRunner.drawOf(epoch, pass));
  }

  /** Every parameter and buffer but the counters, one after the other. */
  static float[] state(Backbone model) {
    try (PointerScope scope = new PointerScope()) {
      int size = 0;
      for (Tensor tensor : model.state().values()) {
        size += tensor.scalar_type().intern() == ScalarType.Float ? (int) tensor.numel() : 0;
      }
      float[] all = new float[size];
      int at = 0;
      for (Tensor tensor : model.state().values()) {
        if (tensor.scalar_type().intern() == ScalarType.Float) {
          Tensor flat = tensor.detach().contiguous();
          new FloatPointer(flat.data_ptr()).get(all, at, (int) flat.numel());
          at += (int) flat.numel();
        }
      }
      return all;
    }
  }

  /** Cross entropy of libtorch, the mean. */
  static Tensor crossEntropy(Tensor logits, Tensor labels) {
    return torch.cross_entropy(logits, labels);
  }

  /** The largest |a - b|. */
  static double distance(float[] a, float[] b) {
    double most = 0;
    for (int i = 0; i < a.length; i++) {
      most = Math.max(most, Math.abs((double) a[i] - b[i]));
    }
    return most;
  }
}
