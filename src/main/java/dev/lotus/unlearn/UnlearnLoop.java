package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.InputException;
import dev.lotus.optim.LearningRate;
import dev.lotus.optim.WeightUpdate;
import dev.lotus.report.EpochTrace;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/**
 * An unlearning run on one screen, in the order of the flow. The method decides what an epoch looks
 * at and computes.
 */
public final class UnlearnLoop {
  /**
   * What a run left.
   *
   * @param model the unlearned model in evaluation mode; the caller closes it
   * @param trace the epochs that ran
   * @param seconds preparation and all epochs, the epoch that decided to stop included; no final
   *     evaluation
   */
  public record Result(Backbone model, List<EpochTrace> trace, double seconds) {}

  private final Engine engine;
  private final UnlearnConfig config;
  private final UnlearnMethods.Factory factory;
  private final Function<List<Tensor>, WeightUpdate> ownOptimizer;
  private boolean mayStop = true;

  public UnlearnLoop(Engine engine, UnlearnConfig config) {
    this(engine, config, UnlearnMethods.entry(config.method()).factory(), null);
  }

  /** Takes all epochs, whatever the method's stop rule says: to see how long they take. */
  static UnlearnLoop toTheEnd(Engine engine, UnlearnConfig config) {
    UnlearnLoop loop = new UnlearnLoop(engine, config);
    loop.mayStop = false;
    return loop;
  }

  /**
   * @param factory makes the method, whatever the configuration names
   * @param ownOptimizer makes the optimizer over the student's parameters; null = the method's
   */
  UnlearnLoop(
      Engine engine,
      UnlearnConfig config,
      UnlearnMethods.Factory factory,
      Function<List<Tensor>, WeightUpdate> ownOptimizer) {
    this.engine = engine;
    this.config = config;
    this.factory = factory;
    this.ownOptimizer = ownOptimizer;
  }

  /**
   * Unlearns the forget set of {@code data}; {@code original} stays as it is, but takes rank 0's
   * weights where several processes share the run.
   *
   * @param onEpoch is told of each epoch as it ends
   * @throws dev.lotus.device.ResultException if the loss becomes NaN or infinite
   */
  public Result run(Backbone original, UnlearnData data, Consumer<EpochTrace> onEpoch) {
    return run(original, data, onEpoch, RunCheckpoints.NONE);
  }

  /**
   * The same, kept as it goes on.
   *
   * @param checkpoints may hold one to go on from
   * @throws RunStoppedException where they were asked to stop it
   */
  public Result run(
      Backbone original,
      UnlearnData data,
      Consumer<EpochTrace> onEpoch,
      RunCheckpoints checkpoints) {
    long start = System.nanoTime();
    engine.place(original);
    SharedState.send(engine.group(), original);
    Backbone student = original.copy();
    boolean done = false;
    UnlearnMethod.Task task = new UnlearnMethod.Task(engine, data, original, student, config);
    try (UnlearnMethod method = UnlearnMethods.create(factory, config, engine);
        WeightUpdate update = optimizer(method, task);
        EpochRunner runner =
            new EpochRunner(
                engine,
                student,
                update,
                data.dataset().train(),
                config.augmentation(),
                method.batch(config))) {
      method.prepare(task);
      double preparation = (System.nanoTime() - start) / 1e9;
      LearningRate rate = method.rate(config);
      RunProgress progress = checkpoints.start(student, update);
      for (int epoch = progress.epoch(); epoch < method.epochs(config); epoch++) {
        UnlearnMethod.Begin begin = begin(method, task, progress);
        if (begin.stop() && mayStop) {
          break;
        }
        progress.begin(begin);
        runner.runAll(method.passes(task, epoch), epoch, config.seed(), rate.at(epoch), progress);
        method.end(task);
        onEpoch.accept(progress.end());
      }
      student.train(false);
      done = true;
      return new Result(student, progress.trace(), preparation + progress.seconds());
    } finally {
      if (!done) {
        student.close();
      }
    }
  }

  /** Where the run goes on within an epoch, what was decided at its begin stands. */
  private static UnlearnMethod.Begin begin(
      UnlearnMethod method, UnlearnMethod.Task task, RunProgress progress) {
    UnlearnMethod.Begin begun = progress.begun();
    if (begun == null) {
      return method.begin(task, progress.epoch());
    }
    method.resume(task, begun);
    return begun;
  }

  private WeightUpdate optimizer(UnlearnMethod method, UnlearnMethod.Task task) {
    if (ownOptimizer == null) {
      return method.optimizer(task);
    }
    if (!method.takesAnyOptimizer()) {
      throw new InputException(
          "method " + config.method() + " works through its own optimizer; no other can be given");
    }
    return ownOptimizer.apply(task.student().parameters());
  }
}
