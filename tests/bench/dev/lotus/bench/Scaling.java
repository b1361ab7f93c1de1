package dev.lotus.bench;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.Precision;
import dev.lotus.device.ProcessMemory;
import dev.lotus.device.TorchRuntime;
import dev.lotus.load.Augmentation;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnData;
import dev.lotus.unlearn.UnlearnLoop;
import dev.lotus.unlearn.UnlearnSettings;
import java.util.Locale;
import org.apache.commons.math3.stat.regression.SimpleRegression;

/**
 * Seconds and memory of a LoTUS run as the forget set grows (with it all else that an epoch looks
 * at: the retain share is three times as large) and as the classes grow, with the exponent of a
 * power law fitted to each. Arguments: images of the smallest forget set.
 */
public final class Scaling {
  private static final int[] FACTORS = {1, 2, 4, 8};
  private static final int[] CLASSES = {10, 100, 1000};
  private static final int RETAIN = 3;
  private static final int BATCH = 128;

  private Scaling() {}

  private record Cost(double seconds, double megabytes) {}

  /** Prints a table for each. */
  public static void main(String[] args) {
    int least = Integer.parseInt(args[0]);
    TorchRuntime.load(Runtime.getRuntime().availableProcessors());
    cost(least, 10); // compilers and allocators settle
    SimpleRegression seconds = new SimpleRegression();
    SimpleRegression memory = new SimpleRegression();
    // In rising order, and the large data last: what a run leaves in the allocator counts for the
    // next.
    for (int classes : CLASSES) {
      add(classes + " classes", classes, cost(least, classes), seconds, memory);
    }
    print(seconds, memory);
    seconds = new SimpleRegression();
    memory = new SimpleRegression();
    for (int factor : FACTORS) {
      add("forget set of " + factor * least, factor, cost(factor * least, 10), seconds, memory);
    }
    print(seconds, memory);
  }

  private static void add(
      String what, int size, Cost cost, SimpleRegression seconds, SimpleRegression memory) {
    System.out.printf(Locale.ROOT, "%-22s %8.2f s %8.1f MB%n", what, cost.seconds, cost.megabytes);
    seconds.addData(Math.log(size), Math.log(cost.seconds));
    memory.addData(Math.log(size), Math.log(cost.megabytes));
  }

  private static void print(SimpleRegression seconds, SimpleRegression memory) {
    System.out.printf(
        Locale.ROOT,
        "exponent %.3f of seconds, %.3f of memory%n",
        seconds.getSlope(),
        memory.getSlope());
  }

  /** Two epochs with random crops. */
  private static Cost cost(int forget, int classes) {
    Arch arch = new Arch("resnet18", classes, 3, 0.25, 32);
    UnlearnData data = RandomData.of(arch, (1 + RETAIN) * forget, forget);
    UnlearnConfig config =
        new UnlearnSettings()
            .method("lotus")
            .epochs(2)
            .batch(BATCH)
            .learningRate(1e-6)
            .retainFraction(1)
            .fixedTau(2.0)
            .augmentation(new Augmentation(4, false))
            .build(data.dataset(), arch);
    Engine engine =
        Engine.open(
            ComputeDevice.CPU,
            Precision.FP32,
            data.dataset().normalization(),
            Engine.Listener.NONE);
    ProcessMemory.resetPeak();
    try (Backbone original = Backbones.create(arch)) {
      original.initialise(1);
      original.train(false);
      UnlearnLoop.Result result = new UnlearnLoop(engine, config).run(original, data, e -> {});
      result.model().close();
      return new Cost(result.seconds(), ProcessMemory.peakBytes() / 1e6);
    }
  }
}
