package dev.lotus.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.lotus.data.DataSettings;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.ImageSet;
import dev.lotus.device.ComputeDevice;
import dev.lotus.load.Augmentation;
import dev.lotus.load.Batch;
import dev.lotus.load.BatchLoader;
import dev.lotus.load.EpochOrder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.global.opencv_imgcodecs;
import org.bytedeco.opencv.global.opencv_imgproc;
import org.bytedeco.opencv.opencv_core.Mat;
import org.bytedeco.opencv.opencv_core.Size;

/**
 * Images a second of a folder of JPEGs: the decode library alone on one thread, with the library's
 * own (not antialiased) resize, and whole batches by {@link BatchLoader}, all in one run, in turn.
 * Arguments: folder, rounds.
 */
public final class DecodeThroughput {
  private static final DataSettings UNCACHED = DataSettings.PUBLISHED;

  private DecodeThroughput() {}

  /** Prints the medians. */
  public static void main(String[] args) {
    Path folder = Path.of(args[0]);
    int rounds = Integer.parseInt(args[1]);
    List<byte[]> files = files(folder);
    int cores = Runtime.getRuntime().availableProcessors();
    double[][] rates = new double[4][rounds];
    double[][] costs = new double[4][rounds];
    // One unmeasured round warms the compiler.
    for (int round = -1; round < rounds; round++) {
      double[][] now = {
        rate(files.size(), () -> files.forEach(f -> library(f, false))),
        rate(files.size(), () -> files.forEach(f -> library(f, true))),
        loaded(folder, 10, false),
        loaded(folder, 10, true)
      };
      for (int i = 0; round >= 0 && i < now.length; i++) {
        rates[i][round] = now[i][0];
        costs[i][round] = now[i][1];
      }
    }
    String[] names = {
      "library, decode only, 1 thread",
      "library, decode + its own resize to 256, 1 thread",
      "batches of 32x3x224x224 fp32, decoded, " + cores + " threads",
      "batches from the decoded cache"
    };
    double single = median(rates[0]);
    for (int i = 0; i < names.length; i++) {
      System.out.printf(
          Locale.ROOT,
          "%-50s %6.0f images/s, %3.0f%% of decode only times %d; %.3f processor ms an image%n",
          names[i],
          median(rates[i]),
          100 * median(rates[i]) / (single * cores),
          cores,
          median(costs[i]));
    }
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }

  /** Images a second of the work, and processor milliseconds an image. */
  private static double[] rate(int images, Runnable work) {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long cpu = system.getProcessCpuTime();
    long start = System.nanoTime();
    work.run();
    double seconds = (System.nanoTime() - start) / 1e9;
    return new double[] {images / seconds, (system.getProcessCpuTime() - cpu) / 1e6 / images};
  }

  private static List<byte[]> files(Path folder) {
    try (Stream<Path> walk = Files.walk(folder)) {
      return walk.filter(f -> f.toString().endsWith(".JPEG"))
          .sorted()
          .map(
              f -> {
                try {
                  return Files.readAllBytes(f);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              })
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void library(byte[] file, boolean resize) {
    opencv_core.setNumThreads(1);
    try (PointerScope scope = new PointerScope()) {
      Mat packed = new Mat(1, file.length, opencv_core.CV_8UC1, new BytePointer(file));
      Mat picture = opencv_imgcodecs.imdecode(packed, opencv_imgcodecs.IMREAD_COLOR);
      if (resize) {
        double scale = 256.0 / Math.min(picture.rows(), picture.cols());
        Mat small = new Mat();
        opencv_imgproc.resize(picture, small, new Size(), scale, scale, opencv_imgproc.INTER_AREA);
      }
    }
  }

  /** A new data set, so nothing is decoded yet; every image is asked for {@code times} times. */
  private static double[] loaded(Path folder, int times, boolean cached) {
    Dataset data = Datasets.open("image-folder", folder, UNCACHED);
    ImageSet images = data.train();
    if (cached) {
      byte[] image = new byte[images.imageBytes()];
      for (int i = 0; i < images.size(); i++) {
        images.read(i, image, 0);
      }
    }
    int[] order = new int[images.size() * times];
    Arrays.setAll(order, i -> i % images.size());
    ImageSet source = cached ? images : new Again(folder, times);
    try (BatchLoader loader =
        new BatchLoader(source, data.normalization(), Augmentation.NONE, 32, ComputeDevice.CPU)) {
      return rate(
          order.length,
          () -> {
            Iterator<Batch> batches = loader.epoch(EpochOrder.of(order), 0, 0);
            while (batches.hasNext()) {
              try (PointerScope step = new PointerScope()) {
                batches.next();
              }
            }
          });
    }
  }

  /** The folder opened {@code times} times, each with a cache of its own: every read decodes. */
  private static final class Again implements ImageSet {
    private final ImageSet[] sets;
    private final java.util.concurrent.atomic.AtomicIntegerArray reads;

    Again(Path folder, int times) {
      sets = new ImageSet[times];
      Arrays.setAll(sets, i -> Datasets.open("image-folder", folder, UNCACHED).train());
      reads = new java.util.concurrent.atomic.AtomicIntegerArray(sets[0].size());
    }

    @Override
    public int size() {
      return sets[0].size();
    }

    @Override
    public int channels() {
      return sets[0].channels();
    }

    @Override
    public int height() {
      return sets[0].height();
    }

    @Override
    public int width() {
      return sets[0].width();
    }

    @Override
    public int label(int index) {
      return sets[0].label(index);
    }

    @Override
    public boolean decodes() {
      return true;
    }

    @Override
    public void read(int index, byte[] dst, int offset) {
      sets[reads.getAndIncrement(index) % sets.length].read(index, dst, offset);
    }
  }
}
