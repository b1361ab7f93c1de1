package dev.lotus.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.lotus.data.DataSettings;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.ImageSet;
import dev.lotus.data.WrappedImages;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.TorchRuntime;
import dev.lotus.load.Augmentation;
import dev.lotus.load.Batch;
import dev.lotus.load.BatchLoader;
import dev.lotus.load.EpochOrder;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.opencv.global.opencv_core;
import org.bytedeco.opencv.global.opencv_imgcodecs;
import org.bytedeco.opencv.global.opencv_imgproc;
import org.bytedeco.opencv.opencv_core.Mat;
import org.bytedeco.opencv.opencv_core.Size;

/**
 * Images a second of a folder of JPEGs: the decode library alone, on files that are in memory; with
 * the library's own resize (not antialiased); this library's images, from files to planes; whole
 * batches, decoded and from the cache. All in one run, in turn. Arguments: rounds, folder with a
 * folder a class; without one, 64 pictures of 500x375 are made up.
 */
public final class DecodeThroughput {
  private static final int CORES = Runtime.getRuntime().availableProcessors();
  private static final int MADE_UP = 64;

  private DecodeThroughput() {}

  private record Side(String name, Runnable work) {}

  /** Prints the medians. */
  public static void main(String[] args) throws IOException {
    TorchRuntime.load(CORES);
    opencv_core.setNumThreads(1);
    int rounds = Integer.parseInt(args[0]);
    Path folder = args.length > 1 ? Path.of(args[1]) : madeUp();
    List<Mat> files = files(folder);
    Dataset data =
        Datasets.open(
            "image-folder", folder, new DataSettings(0, false, null, 224, -1, 0, null, x -> {}));
    ImageSet images = data.train();
    ImageSet again = new Uncached(images);
    int count = files.size();
    // As many images to each side, some times over, so that a part is not over in a moment.
    int total = count * Math.max(1, 640 / count);
    IntConsumer decode = i -> library(files.get(i % count), false);
    IntConsumer resize = i -> library(files.get(i % count), true);
    IntConsumer read = i -> again.read(i % count, new byte[images.imageBytes()], 0);
    List<Side> sides =
        List.of(
            new Side("library, decode, 1 thread", () -> shared(1, total, decode)),
            new Side("library, decode", () -> shared(CORES, total, decode)),
            new Side("library, decode and its resize", () -> shared(CORES, total, resize)),
            new Side("files read, decoded, resized, cropped", () -> shared(CORES, total, read)),
            new Side("batches of 32, fp32, decoded", () -> batches(data, again, total)),
            new Side("batches of 32, fp32, from the cache", () -> batches(data, images, total)));
    double[][] rates = new double[sides.size()][rounds];
    double[][] costs = new double[sides.size()][rounds];
    // Two unmeasured rounds warm the compiler and fill the cache.
    for (int round = -2; round < rounds; round++) {
      for (int i = 0; i < sides.size(); i++) {
        double[] now = rate(total, sides.get(i).work());
        rates[i][Math.max(round, 0)] = now[0];
        costs[i][Math.max(round, 0)] = now[1];
      }
    }
    System.out.printf(
        Locale.ROOT, "%d JPEGs, %d rounds of %d, %d threads%n", count, rounds, total, CORES);
    for (int i = 0; i < sides.size(); i++) {
      System.out.printf(
          Locale.ROOT,
          "%-38s %6.0f images/s; %.3f processor ms an image; %3.0f%% of decode alone on 1 thread times"
              + " %d, %3.0f%% of decode and library resize%n",
          sides.get(i).name(),
          median(rates[i]),
          median(costs[i]),
          100 * median(ratios(rates[i], rates[0])) / CORES,
          CORES,
          100 * median(ratios(rates[i], rates[2])));
    }
    System.exit(0);
  }

  private static double[] ratios(double[] a, double[] b) {
    double[] ratios = new double[a.length];
    Arrays.setAll(ratios, i -> a[i] / b[i]);
    return ratios;
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

  private static void shared(int threads, int total, IntConsumer work) {
    List<Thread> workers = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      int from = t;
      Thread worker =
          new Thread(
              () -> {
                for (int i = from; i < total; i += threads) {
                  work.accept(i);
                }
              });
      worker.start();
      workers.add(worker);
    }
    try {
      for (Thread worker : workers) {
        worker.join();
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<Mat> files(Path folder) throws IOException {
    List<Mat> files = new ArrayList<>();
    try (Stream<Path> walk = Files.walk(folder)) {
      for (Path file : walk.filter(Files::isRegularFile).sorted().toList()) {
        byte[] bytes = Files.readAllBytes(file);
        files.add(new Mat(1, bytes.length, opencv_core.CV_8UC1, new BytePointer(bytes)));
      }
    }
    return files;
  }

  private static void library(Mat file, boolean resize) {
    try (Mat picture = opencv_imgcodecs.imdecode(file, opencv_imgcodecs.IMREAD_COLOR)) {
      if (resize) {
        double scale = 256.0 / Math.min(picture.rows(), picture.cols());
        try (Mat small = new Mat();
            Size size = new Size()) {
          opencv_imgproc.resize(picture, small, size, scale, scale, opencv_imgproc.INTER_AREA);
        }
      }
    }
  }

  private static void batches(Dataset data, ImageSet images, int total) {
    int[] order = new int[total];
    Arrays.setAll(order, i -> i % images.size());
    try (BatchLoader loader =
        new BatchLoader(images, data.normalization(), Augmentation.NONE, 32, ComputeDevice.CPU)) {
      Iterator<Batch> batches = loader.epoch(EpochOrder.of(order), 0, 0);
      while (batches.hasNext()) {
        try (PointerScope step = new PointerScope()) {
          batches.next();
        }
      }
    }
  }

  /** Clouds with some grain, about as hard to decode as photographs of that size. */
  private static Path madeUp() throws IOException {
    Path folder = Files.createTempDirectory("lotus-jpegs");
    Path inside = Files.createDirectories(folder.resolve("class"));
    opencv_core.setRNGSeed(1);
    try (PointerScope scope = new PointerScope();
        IntPointer quality = new IntPointer(opencv_imgcodecs.IMWRITE_JPEG_QUALITY, 92)) {
      for (int i = 0; i < MADE_UP; i++) {
        Mat clouds = noise(12, 16, 0, 255);
        Mat picture = new Mat();
        opencv_imgproc.resize(
            clouds, picture, new Size(500, 375), 0, 0, opencv_imgproc.INTER_CUBIC);
        opencv_core.add(picture, noise(375, 500, 0, 24), picture);
        Path file = inside.resolve(String.format("%03d.jpg", i));
        opencv_imgcodecs.imwrite(file.toString(), picture, quality);
        file.toFile().deleteOnExit();
      }
    }
    inside.toFile().deleteOnExit();
    folder.toFile().deleteOnExit();
    return folder;
  }

  private static Mat noise(int rows, int columns, int low, int high) {
    Mat mat = new Mat(rows, columns, opencv_core.CV_8UC3);
    opencv_core.randu(
        mat,
        new Mat(1, 1, opencv_core.CV_32F, new org.bytedeco.opencv.opencv_core.Scalar(low)),
        new Mat(1, 1, opencv_core.CV_32F, new org.bytedeco.opencv.opencv_core.Scalar(high)));
    return mat;
  }

  /** Forgets each image as soon as it was read: every read decodes. */
  private static final class Uncached extends WrappedImages {
    Uncached(ImageSet images) {
      super(images);
    }

    @Override
    public boolean decodes() {
      return true;
    }

    @Override
    public void read(int index, byte[] dst, int offset) {
      images.read(index, dst, offset);
      images.eraseCached(new int[] {index});
    }
  }
}
