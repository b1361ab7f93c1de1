package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.AugmentCases.Filter;
import dev.lotus.kernel.Resize.Picture;
import dev.lotus.kernel.Resize.Window;
import dev.lotus.kernel.binding.Lotus;
import java.util.SplittableRandom;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ResizeTest {
  /** A source and what is made of it. */
  private record Case(int rows, int columns, Window window) {}

  private static Case whole(int rows, int columns, int height, int width) {
    return new Case(rows, columns, Window.all(height, width));
  }

  private static final Case[] CASES = {
    whole(1, 1, 1, 1),
    whole(1, 1, 5, 7),
    whole(1, 7, 3, 5),
    whole(31, 33, 32, 32),
    whole(40, 19, 5, 33),
    whole(9, 70, 2, 1),
    whole(300, 5, 3, 300),
    whole(24, 24, 24, 24),
    new Case(41, 7, new Window(23, 1 << 20, 1, (1 << 20) - 40, 20, 40)),
    new Case(375, 500, new Window(256, 341, 16, 58, 224, 224)),
  };

  private static byte[] source(Case k, int channels, int stride) {
    byte[] bytes = new byte[(k.rows - 1) * stride + k.columns * channels];
    new SplittableRandom(k.rows * 31L + channels).nextBytes(bytes);
    return bytes;
  }

  private static byte[] run(
      Backend backend, Case k, int channels, int stride, boolean reverse, byte[] source) {
    Window to = k.window;
    Tensor pixels = backend.bytes(source);
    Tensor out = backend.bytes(new byte[channels * to.height() * to.width()]);
    Resize.run(
        new Picture(Backend.bytesAt(pixels), k.rows, k.columns, channels, stride, backend.device()),
        reverse,
        to,
        Backend.bytesAt(out),
        null);
    byte[] bytes = new byte[channels * to.height() * to.width()];
    new BytePointer(out.cpu().data_ptr()).get(bytes);
    return bytes;
  }

  /**
   * One channel of the window: [0] as Pillow's whole numbers have it, [1] in doubles, unrounded.
   */
  private static double[][] reference(Case k, int channels, int stride, int c, byte[] source) {
    Window to = k.window;
    double[][] bytes = new double[k.rows][to.width()];
    double[][] exact = new double[k.rows][to.width()];
    for (int x = 0; x < to.width(); x++) {
      Filter f = AugmentCases.filter(k.columns, to.resizedWidth(), to.left() + x);
      for (int y = 0; y < k.rows; y++) {
        long whole = 1 << 21;
        for (int i = 0; i < f.weights().length; i++) {
          int pixel = source[y * stride + (f.first() + i) * channels + c] & 0xff;
          whole += (long) (0.5 + f.weights()[i] * (1 << 22)) * pixel;
          exact[y][x] += f.weights()[i] * pixel;
        }
        bytes[y][x] = Math.min(255, whole >> 22);
      }
    }
    double[][] out = new double[2][to.height() * to.width()];
    for (int y = 0; y < to.height(); y++) {
      Filter f = AugmentCases.filter(k.rows, to.resizedHeight(), to.top() + y);
      for (int x = 0; x < to.width(); x++) {
        long whole = 1 << 21;
        for (int j = 0; j < f.weights().length; j++) {
          whole += (long) (0.5 + f.weights()[j] * (1 << 22)) * (long) bytes[f.first() + j][x];
          out[1][y * to.width() + x] += f.weights()[j] * exact[f.first() + j][x];
        }
        out[0][y * to.width() + x] = Math.min(255, whole >> 22);
      }
    }
    return out;
  }

  @ParameterizedTest
  @MethodSource("dev.lotus.kernel.Backend#all")
  void agreesWithPillowsArithmeticAndWithDoubles(Backend backend) {
    backend.assumeAvailable();
    for (Case k : CASES) {
      for (int channels = 1; channels <= 4; channels++) {
        try (PointerScope scope = new PointerScope()) {
          int stride = k.columns * channels + channels % 3 * 5;
          boolean reverse = channels % 2 == 1;
          byte[] source = source(k, channels, stride);
          byte[] out = run(backend, k, channels, stride, reverse, source);
          for (int c = 0; c < channels; c++) {
            double[][] wanted = reference(k, channels, stride, c, source);
            int plane = (reverse ? channels - 1 - c : c) * wanted[0].length;
            double worst = 0;
            int different = 0;
            for (int i = 0; i < wanted[0].length; i++) {
              int value = out[plane + i] & 0xff;
              different += value == (int) wanted[0][i] ? 0 : 1;
              worst = Math.max(worst, Math.abs(value - wanted[1][i]));
            }
            String what = backend + " " + k + ", channel " + c + " of " + channels;
            assertThat(different).as(what + ": bytes that are not Pillow's").isZero();
            assertThat(worst).as(what + ": from the sum in doubles").isLessThanOrEqualTo(1.01);
          }
        }
      }
    }
  }

  private static void refused(String text, ThrowingCallable call) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessageContaining(text);
  }

  private static Picture picture(BytePointer pixels, int rows, int columns, int channels, long at) {
    return new Picture(pixels, rows, columns, channels, at, Matrix.CPU);
  }

  @Test
  void eachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      BytePointer pixels = new BytePointer(4 * 15);
      refused("rows is 0", () -> picture(pixels, 0, 5, 3, 15));
      refused("columns is 65536", () -> picture(pixels, 4, 65_536, 1, 65_536));
      refused("channels is 5", () -> picture(pixels, 4, 3, 5, 15));
      refused("stride is 14; a row has 5 x 3 bytes", () -> picture(pixels, 4, 5, 3, 14));
      refused("source holds 60 elements; 63", () -> picture(pixels, 4, 5, 3, 16));
      refused("source is null", () -> picture(null, 4, 5, 3, 15));
      refused("the resized height is 0", () -> new Window(0, 1, 0, 0, 1, 1));
      refused("the resized width is 1073741825", () -> new Window(1, (1 << 30) + 1, 0, 0, 1, 1));
      refused("height is 0", () -> new Window(8, 8, 0, 0, 0, 1));
      refused("width is 65536", () -> new Window(8, 1 << 20, 0, 0, 1, 65_536));
      refused("top is 2; a window of 7", () -> new Window(8, 8, 2, 0, 7, 8));
      refused("left is -1", () -> new Window(8, 8, 0, -1, 8, 8));
      Picture good = picture(pixels, 4, 5, 3, 15);
      Window window = Window.all(2, 2);
      refused("out is null", () -> Resize.run(good, false, window, null, null));
      BytePointer small = new BytePointer(11);
      refused("out holds 11 elements; 12", () -> Resize.run(good, false, window, small, null));
    }
  }

  /** A C caller has no Java checks before it: the library says the same. */
  @Test
  void theNativeFunctionChecksForItself() {
    try (PointerScope scope = new PointerScope()) {
      BytePointer p = new BytePointer(64);
      int[] good = {4, 5, 3, 15, 4, 5, 0, 0, 4, 5};
      assertThat(call(p, p, good)).isEmpty();
      String[] names = {
        "rows",
        "columns",
        "channels",
        "stride",
        "resized_height",
        "resized_width",
        "top",
        "left",
        "height",
        "width"
      };
      int[] bad = {0, 65_536, 5, 14, 0, (1 << 30) + 1, 1, -1, 0, 6};
      for (int i = 0; i < bad.length; i++) {
        int[] values = good.clone();
        values[i] = bad[i];
        // A window that is too wide reaches beyond its place, and a stride beyond columns' limit.
        String name = i == 9 ? "left is 0" : i == 1 ? "columns is" : names[i] + " is " + bad[i];
        assertThat(call(p, p, values)).startsWith("resize: ").contains(name);
      }
      assertThat(call(null, p, good)).contains("source is null");
      assertThat(call(p, null, good)).contains("out is null");
    }
  }

  private static String call(BytePointer source, BytePointer out, int[] v) {
    int status =
        Lotus.lotus_resize(
            source,
            v[0],
            v[1],
            v[2],
            v[3],
            0,
            v[4],
            v[5],
            v[6],
            v[7],
            v[8],
            v[9],
            out,
            Matrix.CPU,
            null);
    assertThat(status).isIn(Lotus.LOTUS_OK, Lotus.LOTUS_INVALID_ARGUMENT);
    return status == Lotus.LOTUS_OK ? "" : Lotus.lotus_last_error().getString();
  }
}
