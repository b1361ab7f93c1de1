package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.device.InputException;
import dev.lotus.optim.LearningRate;
import dev.lotus.optim.WeightUpdate;
import dev.lotus.report.EpochTrace;
import java.util.ArrayList;
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

  public UnlearnLoop(Engine engine, UnlearnConfig config) {
    this(engine, config, UnlearnMethods.entry(config.method()).factory(), null);
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
   * Unlearns the forget set of {@code data}; {@code original} stays as it is.
   *
   * @param onEpoch is told of each epoch as it ends
   * @throws dev.lotus.device.ResultException if the loss becomes NaN or infinite
   */
  public Result run(Backbone original, UnlearnData data, Consumer<EpochTrace> onEpoch) {
    long start = System.nanoTime();
    engine.place(original);
    Backbone student = original.copy();
    boolean done = false;
    UnlearnMethod.Task task = new UnlearnMethod.Task(engine, data, original, student, config);
    List<EpochTrace> trace = new ArrayList<>();
    try (UnlearnMethod method = factory.create(config);
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
      LearningRate rate = method.rate(config);
      for (int epoch = 0; epoch < method.epochs(config); epoch++) {
        long epochStart = System.nanoTime();
        UnlearnMethod.Begin begin = method.begin(task, epoch);
        if (begin.stop()) {
          break;
        }
        EpochRunner.Losses losses =
            runner.runAll(method.passes(task, epoch), epoch, config.seed(), rate.at(epoch));
        method.end(task);
        trace.add(
            new EpochTrace(
                epoch + 1,
                begin.tau(),
                begin.accForget(),
                begin.accUnseen(),
                losses.mean(),
                losses.phases(),
                (System.nanoTime() - epochStart) / 1e9));
        onEpoch.accept(trace.get(epoch));
      }
      student.train(false);
      done = true;
      return new Result(student, trace, (System.nanoTime() - start) / 1e9);
    } finally {
      if (!done) {
        student.close();
      }
    }
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
