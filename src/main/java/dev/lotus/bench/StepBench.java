package dev.lotus.bench;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.bench.Stopwatch.Times;
import dev.lotus.data.Dataset;
import dev.lotus.data.Normalization;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.Precision;
import dev.lotus.device.TorchRuntime;
import dev.lotus.kernel.JniCalls;
import dev.lotus.load.Augmentation;
import dev.lotus.load.Batch;
import dev.lotus.load.BatchLoader;
import dev.lotus.load.EpochOrder;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.EpochRunner;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnData;
import dev.lotus.unlearn.UnlearnLoop;
import dev.lotus.unlearn.UnlearnSettings;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;

/**
 * Steps of a LoTUS run as {@link UnlearnLoop} takes them, each followed by one of the published
 * composition: a machine that slows down slows down for both.
 */
public final class StepBench {
  private static final int READY = 2;
  private static final double TAU = 2;
  private static final double LEARNING_RATE = 1e-6;
  private static final double WEIGHT_DECAY = 5e-4;

  /**
   * What to measure.
   *
   * @param arch of the model, drawn anew
   * @param teacherRuns images are cropped at random, so that the teacher must see each batch
   * @param steps that count, at least 1
   */
  public record Case(Arch arch, int batch, Precision precision, boolean teacherRuns, int steps) {}

  private final ComputeDevice device;
  private final boolean countsJni;
  private final Map<Precision, Double> gemm = new EnumMap<>(Precision.class);

  /**
   * @param countsJni whether {@link JniCalls} counts
   */
  public StepBench(ComputeDevice device, boolean countsJni) {
    this.device = device;
    this.countsJni = countsJni;
  }

  /** Measures the engine's step and the composed one in turn. */
  public StepRecord run(Case what) {
    Arch arch = what.arch();
    Engine engine =
        Engine.open(
            device,
            what.precision(),
            Normalization.uniform(arch.channels(), 0.5f, 0.25f),
            Engine.Listener.NONE);
    int warmUp = EpochRunner.warmUp(device);
    int count = what.batch() * (warmUp + what.steps());
    UnlearnData data = RandomData.of(arch, count, Math.max(1, count / 10));
    UnlearnConfig config = config(what, data.dataset());
    double gemmRate =
        gemm.computeIfAbsent(what.precision(), p -> Ceilings.gemmGflopsPerS(device, p));
    try (Backbone original = Backbones.create(arch)) {
      original.initialise(1);
      original.train(false);
      engine.place(original);
      try (Turns turns = new Turns(engine, original, data, what, warmUp)) {
        new UnlearnLoop(engine.telling(turns), config)
            .run(original, data, epoch -> {})
            .model()
            .close();
        return record(what, turns, original, gemmRate);
      }
    }
  }

  private StepRecord record(Case what, Turns turns, Backbone original, double gemmRate) {
    Arch arch = what.arch();
    Times engine = Times.of(turns.engineMs);
    Times composed = Times.of(turns.composedMs);
    List<Double> ratios = new ArrayList<>();
    for (int i = 0; i < turns.engineMs.size(); i++) {
      ratios.add(turns.composedMs.get(i) / turns.engineMs.get(i));
    }
    Times ratio = Times.of(ratios);
    // Backward takes twice the forward pass's products.
    double passes = what.teacherRuns() ? 4 : 3;
    double gflops =
        1e-9 * passes * what.batch() * original.flops(arch.imageSize(), arch.imageSize());
    return new StepRecord(
        arch.name(),
        arch.imageSize(),
        what.batch(),
        arch.classes(),
        device.cuda() ? "cuda" : "cpu",
        TorchRuntime.threads(),
        what.precision().toString(),
        "engine",
        what.teacherRuns() ? "run" : "cached",
        what.steps(),
        engine.median(),
        engine.p20(),
        engine.p80(),
        what.batch() / engine.median() * 1e3,
        gflops,
        gemmRate,
        100 * gflops / engine.median() * 1e3 / gemmRate,
        turns.allocated / what.steps(),
        countsJni ? Math.round((double) turns.jniCalls / what.steps()) : null,
        turns.repeated == what.steps(),
        "composed",
        composed.median(),
        ratio.median(),
        ratio.p20(),
        ratio.p80());
  }

  private static UnlearnConfig config(Case what, Dataset dataset) {
    Augmentation crop =
        what.arch().isTransformer() ? new Augmentation(0, true) : new Augmentation(4, false);
    return new UnlearnSettings()
        .method("lotus")
        .epochs(1)
        .batch(what.batch())
        .learningRate(LEARNING_RATE)
        .weightDecay(WEIGHT_DECAY)
        .retainFraction(1)
        .fixedTau(TAU)
        .augmentation(what.teacherRuns() ? crop : Augmentation.NONE)
        .build(dataset, what.arch());
  }

  /** Told of each engine step as it ends; takes a composed one before the next begins. */
  private static final class Turns implements Engine.Listener, AutoCloseable {
    private final com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final Runnable synchronize;
    private final ComposedStep composed;
    private final List<Batch> ready = new ArrayList<>();
    private final PointerScope scope = new PointerScope();
    private final List<Double> engineMs = new ArrayList<>();
    private final List<Double> composedMs = new ArrayList<>();
    private final int warmUp;
    private long allocated;
    private long jniCalls;
    private int repeated;
    private boolean wasRepeated;
    private boolean training;
    private int turn;
    private long begun;
    private long allocatedBefore;
    private long jniCallsBefore;

    /**
     * @param warmUp steps that count for neither side
     */
    Turns(Engine engine, Backbone original, UnlearnData data, Case what, int warmUp) {
      this.warmUp = warmUp;
      synchronize = Stopwatch.synchronize(engine.device());
      composed = new ComposedStep(engine.device(), original, LEARNING_RATE, WEIGHT_DECAY);
      EpochOrder order = EpochOrder.of(data.split().forget(), data.split().retain());
      try (BatchLoader loader =
          new BatchLoader(
              data.dataset().train(),
              engine.normalization(),
              Augmentation.NONE,
              what.batch(),
              engine.device())) {
        Iterator<Batch> batches = loader.epoch(order.shuffled(1, 0), 0, 1);
        while (batches.hasNext() && ready.size() < READY) {
          ready.add(batches.next());
        }
      }
    }

    @Override
    public void repeated() {
      wasRepeated = true;
    }

    @Override
    public void begin(String what, long images) {
      training = what.startsWith("epoch");
      start();
    }

    @Override
    public void advance(long images) {
      if (!training) {
        return;
      }
      double engine = stop();
      long leftBehind = allocated() - allocatedBefore;
      long crossings = JniCalls.calls() - jniCallsBefore;
      start();
      try (PointerScope step = new PointerScope()) {
        composed.run(ready.get(turn % ready.size()), TAU, ComposedStep.Noise.DRAWN);
      }
      double peer = stop();
      if (turn++ >= warmUp) {
        repeated += wasRepeated ? 1 : 0;
        engineMs.add(engine);
        composedMs.add(peer);
        allocated += leftBehind;
        jniCalls += crossings;
      }
      wasRepeated = false;
      start();
    }

    private long allocated() {
      return threads.getThreadAllocatedBytes(Thread.currentThread().getId());
    }

    private void start() {
      if (synchronize != null) {
        synchronize.run();
      }
      allocatedBefore = allocated();
      jniCallsBefore = JniCalls.calls();
      begun = System.nanoTime();
    }

    private double stop() {
      if (synchronize != null) {
        synchronize.run();
      }
      return (System.nanoTime() - begun) * 1e-6;
    }

    @Override
    public void end() {
      training = false;
    }

    @Override
    public void close() {
      composed.close();
      scope.close();
    }
  }
}
