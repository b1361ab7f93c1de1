package dev.lotus.bench;

import com.sun.management.GarbageCollectionNotificationInfo;
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
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import javax.management.NotificationEmitter;
import javax.management.openmbean.CompositeData;
import org.apache.commons.math3.stat.regression.SimpleRegression;

/**
 * One LoTUS run of many steps, with random crops so that the teacher runs: does memory creep, does
 * the collector pause, do steps slow down? Arguments: steps (whole hundreds).
 */
public final class LongRun {
  private static final int STEPS_AN_EPOCH = 100;
  private static final int BATCH = 32;
  private static final Arch ARCH = new Arch("resnet18", 10, 3, 0.25, 32);

  /** Steps that count for no figure of memory: allocators and compilers settle. */
  private static final double SETTLING = 0.25;

  private LongRun() {}

  /** Notes each step's end. */
  private static final class Watch implements Engine.Listener {
    final double[] milliseconds;
    final long[] resident;
    int steps;
    private boolean training;
    private long last;

    Watch(int steps) {
      milliseconds = new double[steps];
      resident = new long[steps];
    }

    @Override
    public void begin(String what, long images) {
      training = what.startsWith("epoch");
      last = System.nanoTime();
    }

    @Override
    public void advance(long images) {
      if (training) {
        milliseconds[steps] = (System.nanoTime() - last) / 1e6;
        resident[steps++] = ProcessMemory.residentBytes();
        last = System.nanoTime();
      }
    }

    @Override
    public void end() {
      training = false;
    }

    double median(int from, int to) {
      double[] part = Arrays.copyOfRange(milliseconds, from, to);
      Arrays.sort(part);
      return part[part.length / 2];
    }

    double bytesAStep(int from) {
      SimpleRegression line = new SimpleRegression();
      for (int i = from; i < steps; i++) {
        line.addData(i, resident[i]);
      }
      return line.getSlope();
    }
  }

  /** Prints what was found. */
  public static void main(String[] args) {
    int steps = Integer.parseInt(args[0]);
    TorchRuntime.load(Runtime.getRuntime().availableProcessors());
    AtomicLong longestPause = new AtomicLong();
    AtomicLong pauses = new AtomicLong();
    listen(longestPause, pauses);
    UnlearnData data = RandomData.of(ARCH, STEPS_AN_EPOCH * BATCH, STEPS_AN_EPOCH * BATCH / 10);
    UnlearnConfig config =
        new UnlearnSettings()
            .method("lotus")
            .epochs(steps / STEPS_AN_EPOCH)
            .batch(BATCH)
            .learningRate(1e-6)
            .retainFraction(1)
            .fixedTau(2.0)
            .augmentation(new Augmentation(4, false))
            .build(data.dataset(), ARCH);
    Watch watch = new Watch(steps);
    Engine engine =
        Engine.open(ComputeDevice.CPU, Precision.FP32, data.dataset().normalization(), watch);
    try (Backbone original = Backbones.create(ARCH)) {
      original.initialise(1);
      original.train(false);
      new UnlearnLoop(engine, config).run(original, data, epoch -> {}).model().close();
    }
    int settled = (int) (steps * SETTLING);
    System.out.printf(
        Locale.ROOT,
        "%d steps of ResNet18 at a quarter of its width, batch %d, %d threads%n"
            + "resident memory: %.1f MB at step %d, %.1f MB at the end, slope %.0f bytes a step%n"
            + "garbage collector: %d pauses, the longest %d ms%n"
            + "median step: %.2f ms of steps 101 to 200, %.2f ms of the last hundred%n",
        watch.steps,
        BATCH,
        TorchRuntime.threads(),
        watch.resident[settled] / 1e6,
        settled,
        watch.resident[steps - 1] / 1e6,
        watch.bytesAStep(settled),
        pauses.get(),
        longestPause.get(),
        watch.median(STEPS_AN_EPOCH, 2 * STEPS_AN_EPOCH),
        watch.median(steps - STEPS_AN_EPOCH, steps));
  }

  private static void listen(AtomicLong longest, AtomicLong count) {
    for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
      ((NotificationEmitter) collector)
          .addNotificationListener(
              (notification, handback) -> {
                long pause =
                    GarbageCollectionNotificationInfo.from(
                            (CompositeData) notification.getUserData())
                        .getGcInfo()
                        .getDuration();
                longest.accumulateAndGet(pause, Math::max);
                count.incrementAndGet();
              },
              n ->
                  n.getType()
                      .equals(GarbageCollectionNotificationInfo.GARBAGE_COLLECTION_NOTIFICATION),
              null);
    }
  }
}
