package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.ResultException;
import dev.lotus.dist.Shards;
import dev.lotus.kernel.EvaluateLogits;
import dev.lotus.kernel.EvaluateLogits.ClassSums;
import dev.lotus.load.Augmentation;
import dev.lotus.load.Batch;
import dev.lotus.load.BatchLoader;
import dev.lotus.load.EpochOrder;
import dev.lotus.metric.LogitsSink;
import dev.lotus.metric.SetStatistics;
import java.util.Arrays;
import java.util.Iterator;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One pass of a model in evaluation mode over a set, without augmentation, in batches of {@value
 * #BATCH}; and the published code's ways of evaluating, for those who ask for them.
 */
public final class Evaluator {
  static final int BATCH = 256;

  /** Keeps the augmentations of evaluation apart from those of the epochs' passes. */
  private static final long DRAW = 1L << 49;

  private final Engine engine;
  private final Augmentation augmentation;
  private final long draw;
  private final long seed;

  public Evaluator(Engine engine) {
    this(engine, Augmentation.NONE, 0, 0);
  }

  private Evaluator(Engine engine, Augmentation augmentation, long draw, long seed) {
    this.engine = engine;
    this.augmentation = augmentation;
    this.draw = draw;
    this.seed = seed;
  }

  /**
   * Of training images, D_f and D_r: augmented as the run's are under {@link
   * UpstreamQuirk#AUGMENTED_EVALUATION}, else as they are.
   *
   * @param epoch each has another augmentation
   */
  static Evaluator ofTraining(Engine engine, UnlearnConfig config, int epoch) {
    return config.quirks().contains(UpstreamQuirk.AUGMENTED_EVALUATION)
        ? new Evaluator(engine, config.augmentation(), DRAW + epoch, config.seed())
        : new Evaluator(engine);
  }

  /**
   * Correct count, losses, entropies and class means in one read of the logits; what the metrics
   * are computed from.
   *
   * @param what the set's name, for progress and errors
   * @throws ResultException if the model yields NaN or infinite logits
   */
  public SetStatistics statistics(Backbone model, ImageSet images, int[] indices, String what) {
    return statistics(model, images, indices, what, null);
  }

  /**
   * The same, and the logits of each batch, as fp32, to whoever wants them.
   *
   * @param sink null where nobody does
   */
  public SetStatistics statistics(
      Backbone model, ImageSet images, int[] indices, String what, LogitsSink sink) {
    int rows = indices.length;
    int classes = model.arch().classes();
    ComputeDevice device = engine.device();
    try (PointerScope scope = new PointerScope()) {
      Tensor losses = zeros(device, rows);
      Tensor entropies = zeros(device, rows);
      Tensor sums = on(device, torch.zeros((long) classes, classes).to(ScalarType.Double));
      Tensor counters = on(device, torch.zeros(2L + classes).to(ScalarType.Long));
      LongPointer correct = TensorMatrix.longs(counters, 0);
      LongPointer nonfinite = TensorMatrix.longs(counters, 1);
      ClassSums classSums =
          new ClassSums(
              new DoublePointer(sums.data_ptr()), TensorMatrix.longs(counters, 2), null, classes);
      int[] done = {0};
      forEachBatch(
          model,
          images,
          indices,
          what,
          (logits, labels) -> {
            EvaluateLogits.run(
                TensorMatrix.of(logits, device),
                TensorMatrix.longs(labels, 0),
                new EvaluateLogits.Output(
                    correct,
                    TensorMatrix.floats(losses, done[0]),
                    TensorMatrix.floats(entropies, done[0]),
                    classSums,
                    nonfinite),
                TensorMatrix.stream(device));
            done[0] += (int) logits.size(0);
            if (sink != null) {
              sink.accept(hostFloats(logits.to(ScalarType.Float)));
            }
          });
      long[] counted = hostLongs(counters);
      if (counted[1] > 0) {
        throw new ResultException(
            "the model's logits are NaN or infinite for "
                + counted[1]
                + " of the "
                + rows
                + " images of the "
                + what
                + " set");
      }
      long[] classCounts = Arrays.copyOfRange(counted, 2, 2 + classes);
      return new SetStatistics(
          rows,
          counted[0],
          hostFloats(losses),
          hostFloats(entropies),
          means(hostDoubles(sums), classCounts),
          classCounts);
    }
  }

  /** Logits [N, C] fp32 in the order of {@code indices}, owned by the caller's scope. */
  Tensor logits(Backbone model, ImageSet images, int[] indices, String what) {
    Tensor all = zeros(engine.device(), indices.length, model.arch().classes());
    long[] done = {0};
    forEachBatch(
        model,
        images,
        indices,
        what,
        (logits, labels) -> {
          all.narrow(0, done[0], logits.size(0)).copy_(logits);
          done[0] += logits.size(0);
        });
    return all;
  }

  /**
   * Entropies in nats [N] of a model in training mode that sees one image at a time: BatchNorm
   * takes each image's own statistics and moves the model's running ones.
   */
  float[] entropiesInTrainingMode(Backbone model, ImageSet images, int[] indices, String what) {
    ComputeDevice device = engine.device();
    model.train(true);
    try (PointerScope scope = new PointerScope()) {
      Tensor entropies = zeros(device, indices.length);
      int[] done = {0};
      forEachBatch(
          model,
          images,
          indices,
          what,
          Shards.whole(1),
          (logits, labels) ->
              EvaluateLogits.run(
                  TensorMatrix.of(logits, device),
                  TensorMatrix.longs(labels, 0),
                  new EvaluateLogits.Output(
                      null, null, TensorMatrix.floats(entropies, done[0]++), null, null),
                  TensorMatrix.stream(device)));
      return hostFloats(entropies);
    } finally {
      model.train(false);
    }
  }

  private interface BatchAction {
    void accept(Tensor logits_BC, Tensor labels_B);
  }

  private void forEachBatch(
      Backbone model, ImageSet images, int[] indices, String what, BatchAction action) {
    model.train(false);
    model.frozen(true);
    try {
      // Each process runs some of the batches, and sees the logits of all.
      Shards shards = Shards.inTurn(engine.group(), BATCH);
      forEachBatch(model, images, indices, what, shards, action);
    } finally {
      model.frozen(false);
    }
  }

  private void forEachBatch(
      Backbone model,
      ImageSet images,
      int[] indices,
      String what,
      Shards shards,
      BatchAction action) {
    engine.listener().begin("evaluating " + what, indices.length);
    try (BatchLoader loader =
            new BatchLoader(images, engine.normalization(), augmentation, shards, engine.device());
        NoGradGuard noGrad = new NoGradGuard()) {
      Iterator<Batch> batches = loader.epoch(EpochOrder.of(indices), draw, seed);
      ScalarType type = null;
      while (batches.hasNext()) {
        try (PointerScope scope = new PointerScope()) {
          Batch batch = batches.next();
          Tensor logits =
              batch.size() == 0 ? null : engine.logits(model, batch.images()).contiguous();
          if (shards.size() == 1) {
            action.accept(logits, batch.labels());
          } else {
            type = type == null ? typeForAll(logits) : type;
            inTurn(logits, type, batch, model.arch().classes(), images, indices, shards, action);
          }
          engine.listener().advance(batch.whole());
        }
      }
    } finally {
      engine.listener().end();
    }
  }

  /** Rank 0's, which has rows whenever anybody has: a program may leave bf16 before its end. */
  private ScalarType typeForAll(Tensor logits) {
    boolean first = engine.group().rank() == 0;
    String name = first ? logits.scalar_type().intern().name() : null;
    return ScalarType.valueOf(engine.group().broadcast(name, "type of logits"));
  }

  /**
   * Brings the logits of all processes' batches to each, in the samples' order.
   *
   * @param own [B, C] of this process's batch, or null where there is none left for it
   */
  private void inTurn(
      Tensor own,
      ScalarType type,
      Batch batch,
      int classes,
      ImageSet images,
      int[] indices,
      Shards shards,
      BatchAction action) {
    Tensor sent = on(engine.device(), torch.zeros(shards.rows(), classes));
    Tensor all = on(engine.device(), torch.zeros(shards.size(), shards.rows(), classes));
    if (own != null) {
      sent.narrow(0, 0, own.size(0)).copy_(own);
    }
    engine.group().gather(sent, all, "logits");
    for (int process = 0; process < shards.size(); process++) {
      int rows = Arrays.stream(shards.of(batch.whole(), process)).sum();
      int from = batch.start() + shards.from(batch.whole(), process);
      if (rows > 0) {
        long[] labels = new long[rows];
        Arrays.setAll(labels, row -> images.label(indices[from + row]));
        Tensor logits_BC = all.select(0, process).narrow(0, 0, rows).to(type);
        action.accept(logits_BC.contiguous(), on(engine.device(), torch.tensor(labels)));
      }
    }
  }

  /** Sums [C, C] over counts [C]; null where a class has no sample. */
  static double[][] means(double[] sums, long[] counts) {
    int classes = counts.length;
    double[][] means = new double[classes][];
    for (int k = 0; k < classes; k++) {
      if (counts[k] > 0) {
        means[k] = new double[classes];
        for (int c = 0; c < classes; c++) {
          means[k][c] = sums[k * classes + c] / counts[k];
        }
      }
    }
    return means;
  }

  /** Zeros on the device, fp32; a host's copy would have to wait for it. */
  static Tensor zeros(ComputeDevice device, long... shape) {
    return torch.zeros(shape, device.options(ScalarType.Float));
  }

  static Tensor on(ComputeDevice device, Tensor host) {
    return device.cuda() ? host.to(device.torch(), host.scalar_type()) : host;
  }

  static float[] hostFloats(Tensor tensor) {
    float[] out = new float[(int) tensor.numel()];
    new FloatPointer(tensor.cpu().data_ptr()).get(out);
    return out;
  }

  static double[] hostDoubles(Tensor tensor) {
    double[] out = new double[(int) tensor.numel()];
    new DoublePointer(tensor.cpu().contiguous().data_ptr()).get(out);
    return out;
  }

  static long[] hostLongs(Tensor tensor) {
    long[] out = new long[(int) tensor.numel()];
    new LongPointer(tensor.cpu().data_ptr()).get(out);
    return out;
  }
}
