package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.Dataset;
import dev.lotus.data.Normalization;
import dev.lotus.data.Split;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.Precision;
import dev.lotus.dist.WorkerGroup;
import dev.lotus.metric.Metrics;
import dev.lotus.optim.WeightUpdate;
import dev.lotus.report.EpochTrace;
import dev.lotus.track.TrackedRun;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/**
 * An unlearning run for programs of one's own:
 *
 * <pre>{@code
 * try (Unlearning.Result result =
 *     Unlearning.builder().original(model).data(dataset).split(split).configure(c -> c.epochs(3)).run()) {
 *   Checkpoint.save(path, result.model());
 * }
 * }</pre>
 *
 * <p>Nothing is shared between runs but libtorch's thread count, so several may run at once, each
 * on a thread of its own with a model of its own. Nothing is written, printed or exited. What is
 * wrong with an argument is a {@link dev.lotus.device.InputException}, a loss that becomes NaN a
 * {@link dev.lotus.device.ResultException}.
 */
public final class Unlearning {
  /** Told what a run does, on the run's own thread; what it throws ends the run. */
  public interface Listener {
    /**
     * A step, or a batch of an evaluation, is done.
     *
     * @param phase what is under way: {@code epoch 1}, {@code evaluating forget}
     * @param images of this phase that are done
     * @param of how many
     */
    default void step(String phase, long images, long of) {}

    /** An epoch is over. */
    default void epoch(EpochTrace trace) {}

    /** The unlearned model was measured; not called where {@link Builder#measured} is false. */
    default void metrics(Metrics metrics) {}

    /** Tells dashboards of epochs and metrics; the caller closes the run. */
    static Listener tracking(TrackedRun run) {
      return new Listener() {
        @Override
        public void epoch(EpochTrace trace) {
          run.epoch(trace);
        }

        @Override
        public void metrics(Metrics metrics) {
          run.metrics(metrics);
        }
      };
    }
  }

  /**
   * What a run left.
   *
   * @param model the unlearned model, in evaluation mode; closed with this
   * @param trace an entry an epoch
   * @param seconds preparation and all epochs
   * @param metrics of the unlearned model, or null where {@link Builder#measured} is false
   */
  public record Result(Backbone model, List<EpochTrace> trace, double seconds, Metrics metrics)
      implements AutoCloseable {
    @Override
    public void close() {
      model.close();
    }
  }

  private final Builder settings;

  private Unlearning(Builder settings) {
    this.settings = settings;
  }

  public static Builder builder() {
    return new Builder();
  }

  private Result run() {
    UnlearnData data = new UnlearnData(settings.dataset, settings.split);
    UnlearnConfig config = settings.config.build(data.dataset(), settings.original.arch());
    Engine engine =
        Engine.open(
                settings.device,
                settings.precision,
                settings.normalization == null
                    ? data.dataset().normalization()
                    : settings.normalization,
                new Relay())
            .in(settings.processes, settings.bnBatch);
    UnlearnMethods.Factory factory =
        settings.method == null ? UnlearnMethods.entry(config.method()).factory() : settings.method;
    UnlearnLoop.Result made =
        new UnlearnLoop(engine, config, factory, settings.optimizer)
            .run(settings.original, data, settings.listener::epoch);
    Backbone model = made.model();
    boolean done = false;
    try {
      Metrics metrics =
          settings.measured ? measure(engine, model, data, config, made.seconds()) : null;
      done = true;
      return new Result(model, made.trace(), made.seconds(), metrics);
    } finally {
      if (!done) {
        model.close();
      }
    }
  }

  private Metrics measure(
      Engine engine, Backbone model, UnlearnData data, UnlearnConfig config, double seconds) {
    ModelScores before = ModelScores.of(engine, settings.original, data);
    ModelScores gold =
        settings.retrained == null
            ? null
            : ModelScores.ofReference(engine, settings.retrained, data, config);
    Metrics metrics =
        ModelScores.of(engine, model, data, config)
            .metrics(before.evaluation().test(), gold, seconds);
    settings.listener.metrics(metrics);
    return metrics;
  }

  /** From the engine's calls to the caller's listener, and the place where a run is cancelled. */
  private final class Relay implements Engine.Listener {
    private String phase;
    private long done;
    private long of;

    @Override
    public void begin(String what, long images) {
      phase = what;
      done = 0;
      of = images;
      check();
    }

    @Override
    public void advance(long images) {
      done += images;
      settings.listener.step(phase, done, of);
      check();
    }

    @Override
    public void end() {
      // The next phase says that this one is over.
    }

    private void check() {
      if (settings.cancelled.getAsBoolean()) {
        throw new CancellationException("cancelled at " + phase + ", image " + done + " of " + of);
      }
    }
  }

  /** The settings of a run; what is not said has the published value. */
  public static final class Builder {
    private Backbone original;
    private Backbone retrained;
    private Dataset dataset;
    private Split split;
    private Normalization normalization;
    private ComputeDevice device = ComputeDevice.CPU;
    private Precision precision = Precision.FP32;
    private final UnlearnSettings config = new UnlearnSettings();
    private UnlearnMethods.Factory method;
    private Function<List<Tensor>, WeightUpdate> optimizer;
    private Listener listener = new Listener() {};
    private BooleanSupplier cancelled = () -> false;
    private boolean measured = true;
    private WorkerGroup processes = WorkerGroup.ALONE;
    private Integer bnBatch;

    private Builder() {}

    /** The model to start from, of any implementation; it stays as it is and the caller's. */
    public Builder original(Backbone model) {
      original = Objects.requireNonNull(model, "original");
      return this;
    }

    /** A model that never saw the forget set, for the metrics that compare with it. */
    public Builder retrained(Backbone model) {
      retrained = model;
      return this;
    }

    /** Training and held-out images; any {@link dev.lotus.data.ImageSet} will do. */
    public Builder data(Dataset data) {
      dataset = Objects.requireNonNull(data, "data");
      return this;
    }

    /** What is to be forgotten. */
    public Builder split(Split indices) {
      split = Objects.requireNonNull(indices, "split");
      return this;
    }

    /** The normalisation the model was trained with; the data set's own if not said. */
    public Builder normalization(Normalization statistics) {
      normalization = statistics;
      return this;
    }

    /** Where the run computes; the CPU if not said. */
    public Builder device(ComputeDevice place) {
      device = Objects.requireNonNull(place, "device");
      return this;
    }

    /** Arithmetic of the backbone; fp32 if not said. */
    public Builder precision(Precision arithmetic) {
      precision = Objects.requireNonNull(arithmetic, "precision");
      return this;
    }

    /** Method and hyper-parameters: {@code configure(c -> c.method("scrub").epochs(5))}. */
    public Builder configure(Consumer<UnlearnSettings> change) {
      change.accept(config);
      return this;
    }

    /** A method of the caller's own, in place of the configured one. */
    public Builder method(UnlearnMethods.Factory own) {
      method = Objects.requireNonNull(own, "method");
      return this;
    }

    /** An optimizer of the caller's own over the student's parameters; the run closes it. */
    public Builder optimizer(Function<List<Tensor>, WeightUpdate> own) {
      optimizer = Objects.requireNonNull(own, "optimizer");
      return this;
    }

    /**
     * The processes that share the run's batches; all call {@link #run} with the same settings. The
     * caller closes the group.
     */
    public Builder processes(WorkerGroup group) {
      processes = Objects.requireNonNull(group, "group");
      return this;
    }

    /** Rows that BatchNorm takes statistics over in training; a process's part if not said. */
    public Builder bnBatch(int rows) {
      bnBatch = rows;
      return this;
    }

    /** Who is told of the run's progress. */
    public Builder listener(Listener told) {
      listener = Objects.requireNonNull(told, "listener");
      return this;
    }

    /**
     * Asked after every step and every batch of an evaluation; once it says yes, {@link #run}
     * throws a {@link CancellationException} and leaves nothing behind.
     */
    public Builder cancelWhen(BooleanSupplier condition) {
      cancelled = Objects.requireNonNull(condition, "condition");
      return this;
    }

    /** Whether the result has metrics, for which every set is evaluated; true if not said. */
    public Builder measured(boolean wanted) {
      measured = wanted;
      return this;
    }

    /**
     * Unlearns on the calling thread.
     *
     * @throws IllegalStateException naming what the builder was not told
     * @throws dev.lotus.device.InputException if the parts do not fit, or a setting is out of range
     * @throws dev.lotus.device.ResultException if a loss becomes NaN or infinite
     * @throws CancellationException once {@link #cancelWhen} says so
     */
    public Result run() {
      require(original, "original");
      require(dataset, "data");
      require(split, "split");
      return new Unlearning(this).run();
    }

    private static void require(Object value, String name) {
      if (value == null) {
        throw new IllegalStateException("an unlearning run needs " + name + "(...)");
      }
    }
  }
}
