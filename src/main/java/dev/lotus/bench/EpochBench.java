package dev.lotus.bench;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.device.ProcessMemory;
import dev.lotus.device.TorchRuntime;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.ModelScores;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnData;
import dev.lotus.unlearn.UnlearnLoop;
import java.util.Locale;

/** A whole LoTUS run with its evaluation, by the engine or as the published code does it. */
public final class EpochBench {
  /** Who runs it. */
  public enum Variant {
    /** {@link UnlearnLoop} and {@link ModelScores}. */
    ENGINE,
    /** {@link ComposedRun}. */
    COMPOSED
  }

  private final Engine engine;
  private final UnlearnData data;
  private final UnlearnConfig config;
  private final Arch arch;

  public EpochBench(Engine engine, UnlearnData data, UnlearnConfig config, Arch arch) {
    this.engine = engine;
    this.data = data;
    this.config = config;
    this.arch = arch;
  }

  /** Draws a model and runs it once. */
  public EpochRecord run(Variant variant) {
    try (Backbone original = Backbones.create(arch)) {
      original.initialise(config.seed());
      original.train(false);
      engine.place(original);
      boolean fresh = ProcessMemory.resetPeak();
      double[] seconds = variant == Variant.ENGINE ? engine(original) : composed(original);
      return new EpochRecord(
          arch.name(),
          arch.imageSize(),
          config.batch(),
          config.epochs(),
          data.split().forget().length,
          data.split().retain().length,
          engine.device().cuda() ? "cuda" : "cpu",
          TorchRuntime.threads(),
          variant == Variant.ENGINE ? engine.precision().toString() : "fp32",
          variant.name().toLowerCase(Locale.ROOT),
          seconds[0],
          seconds[1],
          fresh ? ProcessMemory.peakBytes() : 0);
    }
  }

  private double[] engine(Backbone original) {
    long begun = System.nanoTime();
    try (Backbone model =
        new UnlearnLoop(engine, config).run(original, data, epoch -> {}).model()) {
      long unlearned = System.nanoTime();
      ModelScores before = ModelScores.of(engine, original, data);
      ModelScores.of(engine, model, data).metrics(before.evaluation().test(), null, null);
      return new double[] {(unlearned - begun) / 1e9, (System.nanoTime() - unlearned) / 1e9};
    }
  }

  private double[] composed(Backbone original) {
    try (ComposedRun run = new ComposedRun(engine, original, data, config)) {
      long begun = System.nanoTime();
      run.unlearn();
      long unlearned = System.nanoTime();
      run.evaluate();
      return new double[] {(unlearned - begun) / 1e9, (System.nanoTime() - unlearned) / 1e9};
    }
  }
}
