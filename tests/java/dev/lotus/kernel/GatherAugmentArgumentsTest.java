package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lotus.kernel.GatherAugment.Draws;
import dev.lotus.kernel.GatherAugment.Images;
import dev.lotus.kernel.GatherAugment.Layout;
import dev.lotus.kernel.GatherAugment.Output;
import dev.lotus.kernel.GatherAugment.PadMode;
import dev.lotus.kernel.binding.Lotus;
import dev.lotus.kernel.binding.LotusAugment;
import org.assertj.core.api.Assertions;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;

/** Each operand of gather_augment is refused by name, with the numbers seen. */
class GatherAugmentArgumentsTest {
  private static final float[] ZEROS = {0, 0};
  private static final float[] ONES = {1, 1};

  private static GatherAugment rule(int cropHeight, int cropWidth, int padding) {
    return new GatherAugment(cropHeight, cropWidth, padding, PadMode.ZERO, 0, ZEROS, ONES);
  }

  private static Images images(
      BytePointer pixels, long count, int channels, int height, int width) {
    return new Images(pixels, count, channels, height, width, Layout.CHANNELS_FIRST, Matrix.CPU);
  }

  private static void refused(String text, ThrowingCallable call) {
    assertThatIllegalArgumentException().isThrownBy(call).withMessageContaining(text);
  }

  @Test
  void theRuleIsChecked() {
    refused("the crop is 0 x 3", () -> rule(0, 3, 0));
    refused("padding is 1048577", () -> rule(1, 1, (1 << 20) + 1));
    for (double p : new double[] {-0.1, 1.5, Double.NaN}) {
      refused(
          "flip_probability is " + p,
          () -> new GatherAugment(1, 1, 0, PadMode.ZERO, p, ZEROS, ONES));
    }
    refused(
        "2 means and 1 stds",
        () -> new GatherAugment(1, 1, 0, PadMode.ZERO, 0, ZEROS, new float[] {1}));
    refused(
        "channel 1 has mean 0.0 and std 0.0",
        () -> new GatherAugment(1, 1, 0, PadMode.ZERO, 0, ZEROS, new float[] {1, 0}));
    refused(
        "channel 0 has mean NaN",
        () -> new GatherAugment(1, 1, 0, PadMode.ZERO, 0, new float[] {Float.NaN, 0}, ONES));
  }

  @Test
  void eachOperandIsChecked() {
    try (PointerScope scope = new PointerScope()) {
      BytePointer pixels = new BytePointer(3 * 2 * 4 * 5);
      refused("5 channels", () -> images(pixels, 3, 5, 4, 5));
      refused("images are -1", () -> images(pixels, -1, 2, 4, 5));
      refused("images has 0 x 5", () -> images(pixels, 3, 2, 0, 5));
      refused("images is null", () -> images(null, 3, 2, 4, 5));
      refused("images holds 120", () -> images(pixels, 4, 2, 4, 5));
      // 2^62 x 4 = 2^64, which is 0 in 64 bits.
      refused("images would have", () -> images(pixels, 1L << 62, 1, 2, 2));
      refused(
          "the output has 4 x 2000000",
          () -> new Output(null, 4, 2_000_000, Layout.CHANNELS_LAST, DType.FLOAT32, null));

      Images good = images(pixels, 3, 2, 4, 5);
      LongPointer two = new LongPointer(0, 1);
      Draws draws = Draws.of(1, 1);
      FloatPointer room = new FloatPointer(2 * 2 * 4 * 5);
      Output out = new Output(room, 4, 5, Layout.CHANNELS_LAST, DType.FLOAT32, null);
      GatherAugment whole = rule(4, 5, 0);
      refused("rows is -1", () -> whole.run(good, two, -1, draws, out, null));
      refused(
          "the images have 1 channels, mean and std 2",
          () -> whole.run(images(pixels, 3, 1, 4, 5), two, 2, draws, out, null));
      refused("crop_height is 7", () -> rule(7, 5, 1).run(good, two, 2, draws, out, null));
      refused("crop_width is 8", () -> rule(4, 8, 1).run(good, two, 2, draws, out, null));
      refused("indices is null", () -> whole.run(good, null, 2, draws, out, null));
      refused("indices holds 2", () -> whole.run(good, two, 3, draws, out, null));
      refused(
          "samples holds 1",
          () ->
              whole.run(good, two, 2, new Draws(1, 1, new LongPointer(1), null, null), out, null));
      refused(
          "boxes holds 7",
          () -> whole.run(good, two, 2, new Draws(1, 1, null, new IntPointer(7), null), out, null));
      refused(
          "flips holds 1",
          () ->
              whole.run(good, two, 2, new Draws(1, 1, null, null, new BytePointer(1)), out, null));
      refused(
          "out holds 80",
          () ->
              whole.run(
                  good,
                  two,
                  2,
                  draws,
                  new Output(room, 5, 5, Layout.CHANNELS_LAST, DType.FLOAT32, null),
                  null));
      refused(
          "out is null",
          () ->
              whole.run(
                  good,
                  two,
                  2,
                  draws,
                  new Output(null, 4, 5, Layout.CHANNELS_LAST, DType.FLOAT32, null),
                  null));
      refused(
          "nonfinite_rows holds 0",
          () ->
              whole.run(
                  good,
                  two,
                  2,
                  draws,
                  new Output(
                      room,
                      4,
                      5,
                      Layout.CHANNELS_LAST,
                      DType.FLOAT32,
                      new LongPointer(1).position(1)),
                  null));
    }
  }

  /** A C caller has no Java checks before it: the library says the same. */
  @Test
  void theNativeFunctionChecksForItself() {
    try (PointerScope scope = new PointerScope()) {
      BytePointer pixels = new BytePointer(2 * 4 * 5);
      LongPointer indices = new LongPointer(1).put(0);
      FloatPointer out = new FloatPointer(2 * 4 * 5);
      LotusAugment augment = new LotusAugment();
      augment.crop_height(4).crop_width(5).padding(0).pad_mode(0).flip_probability(0);
      for (int c = 0; c < 4; c++) {
        augment.mean(c, 0).std(c, 1);
      }
      NativeCall call =
          (channels, height, layout, rule, from) ->
              Lotus.lotus_gather_augment(
                  pixels,
                  1,
                  channels,
                  height,
                  5,
                  layout,
                  from,
                  1,
                  rule,
                  0,
                  0,
                  null,
                  null,
                  null,
                  out,
                  4,
                  5,
                  0,
                  0,
                  null,
                  Matrix.CPU,
                  null);
      status(Lotus.LOTUS_OK, "", call.status(2, 4, 0, augment, indices));
      status(Lotus.LOTUS_INVALID_ARGUMENT, "channels is 5", call.status(5, 4, 0, augment, indices));
      status(Lotus.LOTUS_INVALID_ARGUMENT, "height is 0", call.status(2, 0, 0, augment, indices));
      status(
          Lotus.LOTUS_INVALID_ARGUMENT,
          "image_layout is 2",
          call.status(2, 4, 2, augment, indices));
      status(Lotus.LOTUS_INVALID_ARGUMENT, "augment is null", call.status(2, 4, 0, null, indices));
      status(Lotus.LOTUS_INVALID_ARGUMENT, "indices is null", call.status(2, 4, 0, augment, null));
      augment.crop_width(6);
      status(
          Lotus.LOTUS_INVALID_ARGUMENT, "crop_width is 6", call.status(2, 4, 0, augment, indices));
      augment.crop_width(5).pad_mode(2);
      status(Lotus.LOTUS_INVALID_ARGUMENT, "pad_mode is 2", call.status(2, 4, 0, augment, indices));
      augment.pad_mode(0).flip_probability(Float.NaN);
      status(
          Lotus.LOTUS_INVALID_ARGUMENT,
          "flip_probability is nan",
          call.status(2, 4, 0, augment, indices));
      augment.flip_probability(0).std(1, -1);
      status(
          Lotus.LOTUS_INVALID_ARGUMENT,
          "channel 1 has mean 0 and std -1",
          call.status(2, 4, 0, augment, indices));
    }
  }

  private interface NativeCall {
    int status(int channels, int height, int layout, LotusAugment rule, LongPointer indices);
  }

  private static void status(int wanted, String text, int status) {
    Assertions.assertThat(status).as(text).isEqualTo(wanted);
    Assertions.assertThat(Lotus.lotus_last_error().getString()).contains(text);
  }
}
