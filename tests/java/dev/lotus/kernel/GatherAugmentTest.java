package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.kernel.GatherAugment.Draws;
import dev.lotus.kernel.GatherAugment.Images;
import dev.lotus.kernel.GatherAugment.Layout;
import dev.lotus.kernel.GatherAugment.Output;
import dev.lotus.kernel.GatherAugment.PadMode;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.InterpolateFuncOptions;
import org.bytedeco.pytorch.LongVector;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.kBilinear;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GatherAugmentTest {
  private static final float[] MEAN = {.4914f, .25f, .4465f, .5f};
  private static final float[] STD = {.2023f, 1f, .201f, .125f};
  private static final int IMAGES = 3;
  private static final long SEED = 0xfedc_ba98_7654_3210L;

  /** Image, box and output of a batch; the rest takes turns. */
  record Size(int height, int width, int cropHeight, int cropWidth, int outHeight, int outWidth) {}

  private static final Size[] SIZES = {
    new Size(32, 32, 32, 32, 32, 32),
    new Size(33, 31, 29, 27, 29, 27),
    new Size(1, 1, 1, 1, 1, 1),
    new Size(1, 1, 3, 2, 5, 7),
    new Size(1, 7, 1, 7, 3, 5),
    new Size(31, 33, 31, 33, 32, 32),
    new Size(40, 19, 38, 17, 5, 33),
    new Size(9, 70, 9, 70, 2, 1),
    new Size(37, 500, 37, 500, 224, 224),
    new Size(500, 375, 480, 360, 224, 224),
  };

  /** One batch as Java arrays. */
  private record Batch(
      Size size,
      int channels,
      Layout layout,
      Layout outLayout,
      DType dtype,
      PadMode padMode,
      int padding,
      byte[] images,
      long[] indices,
      int[] boxes,
      byte[] flips) {
    int rows() {
      return indices.length;
    }

    int perRow() {
      return channels * size.outHeight() * size.outWidth();
    }

    double pixel(long image, int c, int y, int x) {
      int height = size.height();
      int width = size.width();
      if (padMode == PadMode.ZERO && (y < 0 || x < 0 || y >= height || x >= width)) {
        return 0;
      }
      int row = Math.min(Math.max(y, 0), height - 1);
      int col = Math.min(Math.max(x, 0), width - 1);
      long at =
          layout == Layout.CHANNELS_FIRST
              ? ((image * channels + c) * height + row) * width + col
              : ((image * height + row) * width + col) * channels + c;
      return images[(int) at] & 0xff;
    }

    int place(int c, int y, int x) {
      return outLayout == Layout.CHANNELS_FIRST
          ? (c * size.outHeight() + y) * size.outWidth() + x
          : (y * size.outWidth() + x) * channels + c;
    }
  }

  /** Boxes inside, over every side, wholly outside, of other sizes; flips by turns. */
  private static Batch batch(Size size, int rows, int turn) {
    int channels = turn * 3 % 4 + 1;
    SplittableRandom random = new SplittableRandom(31L * turn + size.height());
    byte[] images = new byte[IMAGES * channels * size.height() * size.width()];
    random.nextBytes(images);
    int[] boxes = new int[4 * rows];
    byte[] flips = new byte[rows];
    for (int b = 0; b < rows; b++) {
      int h = size.cropHeight();
      int w = size.cropWidth();
      int[] box =
          switch ((b + turn) % 6) {
            case 0 -> new int[] {0, 0, h, w};
            case 1 -> new int[] {-3, size.width() - 1, h, w};
            case 2 -> new int[] {-2, -w / 2, h + 9, w + 7};
            case 3 -> new int[] {-h - 2, 0, h, w};
            case 4 -> new int[] {2, size.width() + 3, h, w};
            default -> new int[] {-1, -1, 2 * h + 1, 1};
          };
      System.arraycopy(box, 0, boxes, 4 * b, 4);
      flips[b] = (byte) (b % 2 * 0x40);
    }
    return new Batch(
        size,
        channels,
        Layout.values()[turn % 2],
        Layout.values()[turn / 2 % 2],
        DType.values()[turn % 3],
        PadMode.values()[turn / 3 % 2],
        Math.max(0, Math.max(size.cropHeight() - size.height(), size.cropWidth() - size.width()))
            + turn % 4,
        images,
        random.longs(rows, 0, IMAGES).toArray(),
        boxes,
        flips);
  }

  /** The operation, on a backend. {@code ready}: the batch's own boxes and flips, else drawn. */
  private static float[] run(
      Backend backend, Batch k, GatherAugment rule, boolean ready, int step, Tensor nonfinite) {
    Tensor images = backend.bytes(k.images());
    Tensor out =
        backend
            .floats(new float[k.rows() * k.perRow()])
            .to(
                switch (k.dtype()) {
                  case FLOAT32 -> torch.ScalarType.Float;
                  case BFLOAT16 -> torch.ScalarType.BFloat16;
                  case FLOAT16 -> torch.ScalarType.Half;
                });
    Tensor boxes =
        backend.longs(Arrays.stream(k.boxes()).asLongStream().toArray()).to(torch.ScalarType.Int);
    rule.run(
        new Images(
            Backend.bytesAt(images),
            IMAGES,
            k.channels(),
            k.size().height(),
            k.size().width(),
            k.layout(),
            backend.device()),
        Backend.longsAt(backend.longs(k.indices())),
        k.rows(),
        ready
            ? new Draws(
                SEED,
                step,
                null,
                new IntPointer(boxes.data_ptr()),
                Backend.bytesAt(backend.bytes(k.flips())))
            : Draws.of(SEED, step),
        new Output(
            out.data_ptr(),
            k.size().outHeight(),
            k.size().outWidth(),
            k.outLayout(),
            k.dtype(),
            Backend.longsAt(nonfinite)),
        null);
    return Backend.hostFloats(out.to(torch.ScalarType.Float));
  }

  private static GatherAugment rule(Batch k, float[] mean, float[] std) {
    return new GatherAugment(
        k.size().cropHeight(),
        k.size().cropWidth(),
        k.padding(),
        k.padMode(),
        0.5,
        Arrays.copyOf(mean, k.channels()),
        Arrays.copyOf(std, k.channels()));
  }

  // ---- The reference: the filter as published, in doubles, over a box that is padded pixel by
  // pixel ----

  private record Filter(int first, double[] weights) {}

  private static Filter filter(int n, int m, int i) {
    double scale = (double) n / m;
    double support = Math.max(scale, 1);
    double center = scale * (i + 0.5);
    int first = (int) Math.max(Math.floor(center - support + 0.5), 0);
    int end = (int) Math.min(Math.floor(center + support + 0.5), n);
    double[] weights = new double[end - first];
    for (int j = 0; j < weights.length; j++) {
      weights[j] = Math.max(0, 1 - Math.abs((first + j + 0.5 - center) / support));
    }
    double total = Arrays.stream(weights).sum();
    return new Filter(first, Arrays.stream(weights).map(w -> w / total).toArray());
  }

  private static void reference(
      Batch k, int b, int[] box, boolean flip, float[] mean, float[] std, double[] out) {
    Size size = k.size();
    for (int y = 0; y < size.outHeight(); y++) {
      Filter down = filter(box[2], size.outHeight(), y);
      for (int x = 0; x < size.outWidth(); x++) {
        Filter across = filter(box[3], size.outWidth(), flip ? size.outWidth() - 1 - x : x);
        for (int c = 0; c < k.channels(); c++) {
          double sum = 0;
          for (int j = 0; j < down.weights().length; j++) {
            for (int i = 0; i < across.weights().length; i++) {
              sum +=
                  down.weights()[j]
                      * across.weights()[i]
                      * k.pixel(
                          k.indices()[b],
                          c,
                          box[0] + down.first() + j,
                          box[1] + across.first() + i);
            }
          }
          out[b * k.perRow() + k.place(c, y, x)] = (sum / 255 - mean[c]) / std[c];
        }
      }
    }
  }

  /** What lotus.h says of a drawn box, from Java's own words. */
  private static int start(int word, int image, int padding, int crop) {
    return (int) (((word & 0xffffffffL) * (image + 2L * padding - crop + 1)) >>> 32) - padding;
  }

  private static int[] drawn(Batch k, int step, int b) {
    Size size = k.size();
    return new int[] {
      start(
          Philox.word(SEED, step, Philox.AUGMENT, b, 0),
          size.height(),
          k.padding(),
          size.cropHeight()),
      start(
          Philox.word(SEED, step, Philox.AUGMENT, b, 1),
          size.width(),
          k.padding(),
          size.cropWidth()),
      size.cropHeight(),
      size.cropWidth()
    };
  }

  private static boolean drawnFlip(int step, int b) {
    return (Philox.word(SEED, step, Philox.AUGMENT, b, 2) & 0xffffffffL) * 0x1p-32 < 0.5;
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithTheReferenceOnEverySize(Backend backend) {
    backend.assumeAvailable();
    int turn = 0;
    for (Size size : SIZES) {
      boolean large = size.outHeight() == 224;
      for (int variant = 0; variant < (large ? 3 : 12); variant++, turn++) {
        try (PointerScope scope = new PointerScope()) {
          Batch k = batch(size, large ? 1 : 6, turn);
          boolean ready = turn / 2 % 2 == 0;
          double[] wanted = new double[k.rows() * k.perRow()];
          for (int b = 0; b < k.rows(); b++) {
            int[] box = ready ? Arrays.copyOfRange(k.boxes(), 4 * b, 4 * b + 4) : drawn(k, turn, b);
            boolean flip = ready ? k.flips()[b] != 0 : drawnFlip(turn, b);
            reference(k, b, box, flip, MEAN, STD, wanted);
          }
          Tensor nonfinite = backend.longs(new long[1]);
          float[] out = run(backend, k, rule(k, MEAN, STD), ready, turn, nonfinite);
          String what = backend + " " + size + " " + k.dtype() + " turn " + turn;
          Tolerance.assertWithin(what, out, wanted, k.dtype());
          assertThat(Backend.hostLongs(nonfinite)).as(what).containsExactly(0);
        }
      }
    }
  }

  /** On the scale 0..1, the resize of torchvision's tensors, of libtorch itself. */
  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void resizesAsLibtorchDoes(Backend backend) {
    backend.assumeAvailable();
    int[][] sizes = {
      {1, 7, 3, 5},
      {31, 33, 32, 32},
      {37, 500, 224, 224},
      {500, 375, 224, 224},
      {9, 70, 2, 1},
      {256, 256, 224, 224},
      {50, 41, 7, 90}
    };
    for (int[] s : sizes) {
      try (PointerScope scope = new PointerScope()) {
        byte[] images = new byte[IMAGES * 3 * s[0] * s[1]];
        new SplittableRandom(s[1]).nextBytes(images);
        Batch k =
            new Batch(
                new Size(s[0], s[1], s[0], s[1], s[2], s[3]),
                3,
                Layout.CHANNELS_FIRST,
                Layout.CHANNELS_FIRST,
                DType.FLOAT32,
                PadMode.ZERO,
                0,
                images,
                new long[] {2, 0},
                new int[] {0, 0, s[0], s[1], 0, 0, s[0], s[1]},
                new byte[2]);
        float[] zeros = new float[3];
        float[] ones = {1, 1, 1};
        Tensor nonfinite = backend.longs(new long[1]);
        float[] out = run(backend, k, rule(k, zeros, ones), true, 0, nonfinite);

        float[] pixels = new float[2 * 3 * s[0] * s[1]];
        for (int b = 0; b < 2; b++) {
          for (int i = 0; i < 3 * s[0] * s[1]; i++) {
            pixels[b * 3 * s[0] * s[1] + i] =
                (images[(int) k.indices()[b] * 3 * s[0] * s[1] + i] & 0xff);
          }
        }
        InterpolateFuncOptions options = new InterpolateFuncOptions();
        options.size().put(new LongVector(s[2], s[3]));
        options.mode().put(new kBilinear());
        options.align_corners().put(false);
        options.antialias().put(true);
        Tensor theirs =
            torch.interpolate(
                torch
                    .tensor(pixels)
                    .to(torch.ScalarType.Double)
                    .div(new Scalar(255.0))
                    .view(2, 3, s[0], s[1]),
                options);
        double[] wanted = Backend.hostDoubles(theirs);
        for (int i = 0; i < wanted.length; i++) {
          assertThat(Math.abs(out[i] - wanted[i]))
              .as("%s %s [%d]: %s, libtorch %s", backend, Arrays.toString(s), i, out[i], wanted[i])
              .isLessThanOrEqualTo(1e-5);
        }
      }
    }
  }

  /** An image that holds its own coordinates tells where a box was and which way it looked. */
  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void drawsAreTheWordsOfPhilox(Backend backend) {
    backend.assumeAvailable();
    int rows = 300;
    long[] samples = new SplittableRandom(5).longs(rows, 0, 1L << 40).toArray();
    byte[] image = new byte[2 * 100 * 90];
    for (int y = 0; y < 100; y++) {
      for (int x = 0; x < 90; x++) {
        image[y * 90 + x] = (byte) (y + 1);
        image[100 * 90 + y * 90 + x] = (byte) (x + 1);
      }
    }
    try (PointerScope scope = new PointerScope()) {
      Tensor out = backend.floats(new float[rows * 2 * 3 * 2]);
      GatherAugment rule =
          new GatherAugment(3, 2, 0, PadMode.ZERO, 0.3, new float[2], new float[] {1, 1});
      rule.run(
          new Images(
              Backend.bytesAt(backend.bytes(image)),
              1,
              2,
              100,
              90,
              Layout.CHANNELS_FIRST,
              backend.device()),
          Backend.longsAt(backend.longs(new long[rows])),
          rows,
          new Draws(SEED, 9, Backend.longsAt(backend.longs(samples)), null, null),
          new Output(out.data_ptr(), 3, 2, Layout.CHANNELS_LAST, DType.FLOAT32, null),
          null);
      float[] values = Backend.hostFloats(out);
      int flips = 0;
      for (int b = 0; b < rows; b++) {
        long[] w = new long[3];
        for (int i = 0; i < 3; i++) {
          w[i] = Philox.word(SEED, 9, Philox.AUGMENT, samples[b], i) & 0xffffffffL;
        }
        boolean flip = w[2] * 0x1p-32 < 0.3f;
        flips += flip ? 1 : 0;
        int left = (int) (w[1] * 89 >>> 32);
        assertThat(Math.round(values[b * 12] * 255) - 1).isEqualTo((int) (w[0] * 98 >>> 32));
        assertThat(Math.round(values[b * 12 + 1] * 255) - 1).isEqualTo(flip ? left + 1 : left);
        assertThat(Math.round(values[b * 12 + 3] * 255) - 1).isEqualTo(flip ? left : left + 1);
      }
      assertThat(flips).isBetween(60, 120); // 90 +- 8
    }
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void anIndexOutOfRangeSpoilsItsRowAlone(Backend backend) {
    backend.assumeAvailable();
    for (int turn = 0; turn < 6; turn++) {
      try (PointerScope scope = new PointerScope()) {
        Batch k = batch(SIZES[turn == 5 ? 5 : turn % 2], 6, turn);
        float[] good = run(backend, k, rule(k, MEAN, STD), true, 0, backend.longs(new long[1]));
        k.indices()[1] = -1;
        k.indices()[2] = IMAGES;
        k.boxes()[4 * 4 + 3] = 0;
        k.boxes()[4 * 5] = -(1 << 20) - 1;
        Tensor nonfinite = backend.longs(new long[] {10});
        float[] out = run(backend, k, rule(k, MEAN, STD), true, 0, nonfinite);
        for (int i = 0; i < out.length; i++) {
          int b = i / k.perRow();
          assertThat(Float.compare(out[i], b == 0 || b == 3 ? good[i] : Float.NaN)).isZero();
        }
        assertThat(Backend.hostLongs(nonfinite)).containsExactly(14);
        // A batch of no rows does nothing.
        rule(k, MEAN, STD)
            .run(
                new Images(null, 0, k.channels(), 8, 8, Layout.CHANNELS_LAST, backend.device()),
                null,
                0,
                new Draws(1, 1, null, new IntPointer(4), null),
                new Output(null, 8, 8, Layout.CHANNELS_LAST, DType.FLOAT32, null),
                null);
      }
    }
  }
}
