package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.kernel.AugmentCases.Batch;
import dev.lotus.kernel.AugmentCases.Size;
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
            AugmentCases.IMAGES,
            k.channels(),
            k.size().height(),
            k.size().width(),
            k.layout(),
            backend.device()),
        Backend.longsAt(backend.longs(k.indices())),
        k.rows(),
        ready
            ? new Draws(
                AugmentCases.SEED,
                step,
                null,
                new IntPointer(boxes.data_ptr()),
                Backend.bytesAt(backend.bytes(k.flips())))
            : Draws.of(AugmentCases.SEED, step),
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

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithTheReferenceOnEverySize(Backend backend) {
    backend.assumeAvailable();
    int turn = 0;
    for (Size size : AugmentCases.SIZES) {
      boolean large = size.outHeight() == 224;
      for (int variant = 0; variant < (large ? 3 : 12); variant++, turn++) {
        try (PointerScope scope = new PointerScope()) {
          Batch k = AugmentCases.batch(size, large ? 1 : 6, turn);
          boolean ready = turn / 2 % 2 == 0;
          double[] wanted = new double[k.rows() * k.perRow()];
          for (int b = 0; b < k.rows(); b++) {
            int[] box =
                ready
                    ? Arrays.copyOfRange(k.boxes(), 4 * b, 4 * b + 4)
                    : AugmentCases.drawn(k, turn, b);
            boolean flip = ready ? k.flips()[b] != 0 : AugmentCases.drawnFlip(turn, b);
            AugmentCases.reference(k, b, box, flip, AugmentCases.MEAN, AugmentCases.STD, wanted);
          }
          Tensor nonfinite = backend.longs(new long[1]);
          float[] out =
              run(backend, k, rule(k, AugmentCases.MEAN, AugmentCases.STD), ready, turn, nonfinite);
          String what = backend + " " + size + " " + k.dtype() + " turn " + turn;
          Tolerance.assertWithin(what, out, wanted, k.dtype());
          assertThat(Backend.hostLongs(nonfinite)).as(what).containsExactly(0);
        }
      }
    }
  }

  /**
   * On the scale 0..1, the resize of torchvision's tensors, of libtorch itself. Outputs one pixel
   * wide are left to the reference above: libtorch 2.10 repeats their first line.
   */
  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void resizesAsLibtorchDoes(Backend backend) {
    backend.assumeAvailable();
    int[][] sizes = {
      {1, 7, 3, 5},
      {31, 33, 32, 32},
      {37, 500, 224, 224},
      {500, 375, 224, 224},
      {9, 70, 2, 3},
      {256, 256, 224, 224},
      {50, 41, 7, 90}
    };
    for (int[] s : sizes) {
      try (PointerScope scope = new PointerScope()) {
        byte[] images = new byte[AugmentCases.IMAGES * 3 * s[0] * s[1]];
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
          new Draws(AugmentCases.SEED, 9, Backend.longsAt(backend.longs(samples)), null, null),
          new Output(out.data_ptr(), 3, 2, Layout.CHANNELS_LAST, DType.FLOAT32, null),
          null);
      float[] values = Backend.hostFloats(out);
      int flips = 0;
      for (int b = 0; b < rows; b++) {
        long[] w = new long[3];
        for (int i = 0; i < 3; i++) {
          w[i] = Philox.word(AugmentCases.SEED, 9, Philox.AUGMENT, samples[b], i) & 0xffffffffL;
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
        Batch k = AugmentCases.batch(AugmentCases.SIZES[turn == 5 ? 5 : turn % 2], 6, turn);
        float[] good =
            run(
                backend,
                k,
                rule(k, AugmentCases.MEAN, AugmentCases.STD),
                true,
                0,
                backend.longs(new long[1]));
        k.indices()[1] = -1;
        k.indices()[2] = AugmentCases.IMAGES;
        k.boxes()[4 * 4 + 3] = 0;
        k.boxes()[4 * 5] = -(1 << 20) - 1;
        Tensor nonfinite = backend.longs(new long[] {10});
        float[] out =
            run(backend, k, rule(k, AugmentCases.MEAN, AugmentCases.STD), true, 0, nonfinite);
        for (int i = 0; i < out.length; i++) {
          int b = i / k.perRow();
          assertThat(Float.compare(out[i], b == 0 || b == 3 ? good[i] : Float.NaN)).isZero();
        }
        assertThat(Backend.hostLongs(nonfinite)).containsExactly(14);
        // A batch of no rows does nothing.
        rule(k, AugmentCases.MEAN, AugmentCases.STD)
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
