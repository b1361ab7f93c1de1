package dev.lotus.bench;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.bench.Stopwatch.Times;
import dev.lotus.data.Dataset;
import dev.lotus.data.ImageSet;
import dev.lotus.data.MemoryImages;
import dev.lotus.data.Normalization;
import dev.lotus.data.Split;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.Precision;
import dev.lotus.device.TorchRuntime;
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
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.PointerScope;

/**
 * Steps of a LoTUS run as {@link UnlearnLoop} takes them, each followed by one of the published
 * composition: a machine that slows down slows down for both.
 */
public final class StepBench {
  private static final int HELD_OUT = 16;
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
  private final Map<Precision, Double> gemm = new EnumMap<>(Precision.class);

  public StepBench(ComputeDevice device) {
    this.device = device;
  }

  /** Measures the engine's step and the composed one in turn. */
  public StepRecord run(Case what) {
    Arch arch = what.arch();
    Engine engine =
        new Engine(
            device,
            what.precision(),
            Normalization.uniform(arch.channels(), 0.5f, 0.25f),
            Engine.Listener.NONE);
    int warmUp = EpochRunner.warmUp(device);
    int count = what.batch() * (warmUp + what.steps());
    UnlearnData data = data(arch, count);
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

  /** Pixels without meaning: a step takes as long with them. */
  private static UnlearnData data(Arch arch, int count) {
    Dataset dataset =
        new Dataset(
            "random",
            images(arch, count, 1),
            images(arch, HELD_OUT, 2),
            IntStream.range(0, arch.classes()).mapToObj(k -> "class " + k).toList(),
            "",
            Normalization.uniform(arch.channels(), 0.5f, 0.25f));
    int[] all = EpochOrder.all(count).indices();
    int forget = Math.max(1, count / 10);
    int[] heldOut = EpochOrder.all(HELD_OUT).indices();
    Split split =
        new Split(
            Split.SCHEMA,
            dataset.name(),
            dataset.sha256(),
            1,
            "random",
            Arrays.copyOf(all, forget),
            Arrays.copyOfRange(all, forget, count),
            Arrays.copyOf(heldOut, HELD_OUT / 2),
            Arrays.copyOfRange(heldOut, HELD_OUT / 2, HELD_OUT));
    return new UnlearnData(dataset, split);
  }

  private static ImageSet images(Arch arch, int count, long seed) {
    int side = arch.imageSize();
    byte[] pixels = new byte[Math.multiplyExact(count, arch.channels() * side * side)];
    byte[] labels = new byte[count];
    Random draw = new Random(seed);
    draw.nextBytes(pixels);
    for (int i = 0; i < count; i++) {
      labels[i] = (byte) (i % Math.min(arch.classes(), 128));
    }
    return new MemoryImages(arch.channels(), side, side, pixels, labels);
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
    private int repeated;
    private boolean wasRepeated;
    private boolean training;
    private int turn;
    private long begun;
    private long allocatedBefore;

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
