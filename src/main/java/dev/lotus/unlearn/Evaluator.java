package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.Precision;
import dev.lotus.device.ResultException;
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
 * #BATCH}.
 */
public final class Evaluator {
  static final int BATCH = 256;

  private final Engine engine;

  public Evaluator(Engine engine) {
    this.engine = engine;
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
      Tensor losses = on(device, torch.zeros(rows));
      Tensor entropies = on(device, torch.zeros(rows));
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
          (logits, batch) -> {
            EvaluateLogits.run(
                TensorMatrix.of(logits, device),
                TensorMatrix.longs(batch.labels(), 0),
                new EvaluateLogits.Output(
                    correct,
                    TensorMatrix.floats(losses, done[0]),
                    TensorMatrix.floats(entropies, done[0]),
                    classSums,
                    nonfinite),
                TensorMatrix.stream(device));
            done[0] += batch.size();
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
    Tensor all = on(engine.device(), torch.zeros((long) indices.length, model.arch().classes()));
    long[] done = {0};
    forEachBatch(
        model,
        images,
        indices,
        what,
        (logits, batch) -> {
          all.narrow(0, done[0], batch.size()).copy_(logits);
          done[0] += batch.size();
        });
    return all;
  }

  private interface BatchAction {
    void accept(Tensor logits_BC, Batch batch);
  }

  private void forEachBatch(
      Backbone model, ImageSet images, int[] indices, String what, BatchAction action) {
    model.train(false);
    engine.listener().begin("evaluating " + what, indices.length);
    try (BatchLoader loader =
            new BatchLoader(
                images, engine.normalization(), Augmentation.NONE, BATCH, engine.device());
        NoGradGuard noGrad = new NoGradGuard()) {
      Iterator<Batch> batches = loader.epoch(EpochOrder.of(indices), 0, 0);
      while (batches.hasNext()) {
        try (PointerScope scope = new PointerScope()) {
          Batch batch = batches.next();
          Tensor logits;
          try (Precision.Mode mode = engine.precision().autocast(engine.device())) {
            logits = model.forward(batch.images());
          }
          action.accept(logits.contiguous(), batch);
          engine.listener().advance(batch.size());
        }
      }
    } finally {
      engine.listener().end();
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
