package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.ResultException;
import dev.lotus.dist.Shards;
import dev.lotus.load.Augmentation;
import dev.lotus.load.Batch;
import dev.lotus.load.BatchLoader;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.WeightUpdate;
import java.util.Iterator;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The steps of an epoch: batch, forward, loss, backward, update. Losses stay on the device until
 * the pass's end, where a NaN is found with the step that brought it; no step waits for the device.
 */
public final class EpochRunner implements AutoCloseable {
  /** What a method does with a batch. */
  public interface Step {
    /**
     * Runs the student on the batch, computes the loss of each row and runs the backward pass of
     * their sum over {@link Batch#whole}: the mean, or this process's part of it. Gradients are
     * clear before it; the update follows it.
     *
     * @param step number of the step in the whole run, from 0
     * @param losses_B where the rows' losses go, fp32, zeros
     */
    void backward(Batch batch, int step, Tensor losses_B);
  }

  /**
   * A step whose work on the device can be queued once and repeated as it stands: it takes all that
   * changes from the batch's tensors and from what {@link #feed} put into the device's memory.
   */
  public interface Repeatable extends Step {
    /** Before each step and each repetition: what is not in the batch. */
    void feed(int step);

    /** After a repetition: what {@code backward} tells the engine's listener. */
    void repeated(Batch batch);
  }

  /** What {@link #warmUp} is where nothing is recorded. */
  private static final int WARM_UP = 2;

  private final Engine engine;
  private final Backbone student;
  private final WeightUpdate update;
  private final BatchLoader loader;
  private final SharedStep shared;
  private final int batchSize;
  private final StepGraph graph;
  private int steps;

  /**
   * @param batchSize images a step, of all processes together
   * @throws dev.lotus.device.InputException where a process would have none of them
   */
  public EpochRunner(
      Engine engine,
      Backbone student,
      WeightUpdate update,
      ImageSet images,
      Augmentation augmentation,
      int batchSize) {
    this(
        engine,
        student,
        update,
        images,
        augmentation,
        batchSize,
        new CudaRecorder(engine.device()));
  }

  EpochRunner(
      Engine engine,
      Backbone student,
      WeightUpdate update,
      ImageSet images,
      Augmentation augmentation,
      int batchSize,
      StepGraph.Recorder recorder) {
    this.engine = engine;
    this.student = student;
    this.update = update;
    this.batchSize = batchSize;
    Shards shards = Shards.of(engine.group(), batchSize, engine.bnBatch());
    this.graph = new StepGraph(engine, student, update, batchSize, recorder);
    this.shared = new SharedStep(engine.group(), student, shards);
    this.loader =
        new BatchLoader(images, engine.normalization(), augmentation, shards, engine.device());
  }

  /** Steps at a run's begin that take longer than those to come, a graph's recording included. */
  public static int warmUp(ComputeDevice device) {
    return device.cuda() ? WARM_UP + StepGraph.WARM_UP : WARM_UP;
  }

  /**
   * The passes of an epoch that are left, one after the other; see {@link #run}.
   *
   * @param progress where to go on; is told of each step and pass
   */
  void runAll(List<Pass> passes, int epoch, long seed, double learningRate, RunProgress progress) {
    steps = progress.steps();
    for (int i = progress.pass(); i < passes.size(); i++) {
      Pass pass = passes.get(i);
      String name = "epoch " + (epoch + 1) + (pass.phase() == null ? "" : ", " + pass.phase());
      progress.over(pass, run(pass, name, drawOf(epoch, i), seed, learningRate, progress));
    }
  }

  /** Keeps the orders and augmentations of an epoch's passes apart. */
  static long drawOf(int epoch, int pass) {
    return epoch + ((long) pass << 32);
  }

  /**
   * Takes every sample of the pass once, the last partial batch included.
   *
   * @param name for progress and errors, such as {@code epoch 3}
   * @param draw number of the order's shuffling and of the augmentation; two passes of one number
   *     and seed draw the same
   * @return mean loss over the samples
   * @throws ResultException at the pass's end, if a loss was NaN or infinite
   */
  public double run(Pass pass, String name, long draw, long seed, double learningRate) {
    return run(pass, name, draw, seed, learningRate, new RunProgress());
  }

  private double run(
      Pass pass, String name, long draw, long seed, double learningRate, RunProgress progress) {
    float[] known = progress.losses();
    student.train(pass.training());
    update.learningRate(learningRate);
    EpochOrder order = pass.shuffled() ? pass.order().shuffled(seed, draw) : pass.order();
    engine.listener().begin(name, order.size());
    int firstStep = steps - (known.length + batchSize - 1) / batchSize;
    try (StepGraph.Place place = graph.begin(pass);
        PointerScope scope = new PointerScope()) {
      Tensor losses = Evaluator.zeros(engine.device(), order.size());
      int done = known.length;
      if (done > 0) {
        if (engine.group().rank() == 0) {
          // The others' rows are zeros, so that the sum has each once.
          losses.narrow(0, 0, done).copy_(torch.tensor(known));
        }
        engine.listener().advance(done);
      }
      Iterator<Batch> batches = loader.epoch(order, draw, seed, done);
      while (batches.hasNext()) {
        try (PointerScope stepScope = new PointerScope()) {
          Batch batch = batches.next();
          engine.group().doing("step " + (steps + 1));
          int from = batch.size() == 0 ? 0 : (int) batch.samples()[0];
          Tensor losses_B = losses.narrow(0, from, batch.size());
          float[] said = step(pass, batch, losses_B, progress);
          steps++;
          done += batch.whole();
          engine.listener().advance(batch.whole());
          progress.step(steps, done, losses, said);
        }
      }
      engine.group().sum(losses, "losses");
      return mean(losses, name, firstStep, batchSize);
    } finally {
      engine.listener().end();
    }
  }

  /** By one graph where this process has whole batches to itself. */
  private float[] step(Pass pass, Batch batch, Tensor losses_B, RunProgress progress) {
    if (!shared.divides()) {
      graph.take(pass, batch, steps, losses_B);
      return SharedStep.NO_WORDS;
    }
    update.zeroGrad();
    float[] said =
        shared.take(
            pass, batch, () -> pass.step().backward(batch, steps, losses_B), progress.words());
    update.step();
    return said;
  }

  private static double mean(Tensor losses, String name, int firstStep, int batchSize) {
    float[] host = Evaluator.hostFloats(losses);
    double sum = 0;
    for (int i = 0; i < host.length; i++) {
      if (!Float.isFinite(host[i])) {
        throw new ResultException(
            "the loss became "
                + host[i]
                + " in "
                + name
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
    graph.close();
    shared.close();
    loader.close();
  }
}
