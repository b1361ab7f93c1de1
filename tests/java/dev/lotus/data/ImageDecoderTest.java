package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import dev.lotus.kernel.Resize.Window;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against Pillow's pictures, which torchvision's transforms on PIL images are. */
class ImageDecoderTest {
  private static final int LOSSLESS = 0;

  static List<String> expectations() throws IOException {
    try (Stream<Path> files = Files.list(SampleImages.FOLDER)) {
      return files
          .map(f -> f.getFileName().toString())
          .filter(n -> n.startsWith("expected-"))
          .sorted()
          .toList();
    }
  }

  private static byte[] decode(String name, ImageSize size) {
    byte[] pixels = new byte[3 * size.height() * size.width()];
    ImageDecoder.decode(name, SampleImages.bytes(name), size, pixels, 0);
    return pixels;
  }

  @ParameterizedTest
  @MethodSource("expectations")
  void decodesAndResizesAsPillow(String expected) {
    String[] parts = expected.replaceFirst("\\.png$", "").split("-");
    int shortSide = Integer.parseInt(parts[2]);
    int side = Integer.parseInt(parts[3]);
    byte[] ours = decode(parts[1], new ImageSize(shortSide, side, side));
    byte[] theirs = decode(expected, ImageSize.exactly(side));
    double sum = 0;
    int most = 0;
    for (int i = 0; i < ours.length; i++) {
      int error = Math.abs((ours[i] & 0xff) - (theirs[i] & 0xff));
      sum += error;
      most = Math.max(most, error);
    }
    assertThat(sum / ours.length).as("mean error of " + expected).isLessThan(1.0);
    // The resize is Pillow's to the bit. CMYK is converted by other rounding, and JPEG decoders may
    // differ by one level.
    assertThat(most)
        .as("largest error of " + expected)
        .isLessThanOrEqualTo(parts[1].endsWith(".png") ? 0 : 4);
    assertThat(ours).isNotEqualTo(new byte[ours.length]);
  }

  @Test
  void aPictureOfItsOwnSizeIsNotChanged() {
    String name = "expected-rgb.png-0-32.png";
    byte[] once = decode(name, ImageSize.exactly(32));
    byte[] twice = new byte[once.length];
    ImageSet base = new MemoryImages(3, 32, 32, once, new byte[1]);
    new Views.Resized(base, ImageSize.exactly(32)).read(0, twice, LOSSLESS);
    assertThat(twice).isEqualTo(once);
  }

  @ParameterizedTest
  @ValueSource(strings = {"rgb.jpg", "progressive.jpg", "grey.jpg", "rgb.png", "palette.png"})
  void aCutOffFileIsRefusedWhereverItIsCut(String name) {
    byte[] whole = SampleImages.bytes(name);
    for (int length = 1; length < whole.length; length += 1 + length / 9) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> ImageHeader.check(name, cut))
          .as(name + " cut to " + length)
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith(name);
    }
    byte[] almost = Arrays.copyOf(whole, whole.length - 1);
    assertThatThrownBy(() -> ImageHeader.check(name, almost)).hasMessageContaining("cut off");
    assertThat(ImageHeader.check(name, whole).width()).isEqualTo(121);
    assertThat(ImageHeader.check(name, whole).height()).isEqualTo(90);
  }

  @Test
  void emptyAndForeignFilesAreNamed() {
    assertThatThrownBy(() -> ImageHeader.check("a.jpg", new byte[0])).hasMessage("a.jpg is empty");
    assertThatThrownBy(() -> ImageHeader.check("a.jpg", "<html>not found</html>".getBytes()))
        .hasMessageContaining("a.jpg is no JPEG and no PNG");
  }

  /** An animation whose second frame has no number: OpenCV counts below 0 and ends the process. */
  @Test
  void animationsAreRefused() {
    byte[] twoFrames = new byte[8];
    twoFrames[3] = 2;
    byte[] animated =
        SampleImages.png(
            "rgb.png",
            SampleImages.chunk("acTL", twoFrames),
            SampleImages.chunk("fcTL", new byte[26]),
            SampleImages.chunk("fdAT"));
    assertThatThrownBy(
            () -> ImageDecoder.decode("a.png", animated, ImageSize.exactly(8), new byte[192], 0))
        .isInstanceOf(InputException.class)
        .hasMessage("a.png is an animated PNG: only still pictures are read");
  }

  /** A scan of a few bytes costs the decoder as much as the picture is large. */
  @Test
  void scansWithoutEndAreRefused() {
    byte[] jpeg = SampleImages.bytes("progressive.jpg");
    int last = jpeg.length - 2;
    do {
      last--;
    } while (jpeg[last] != (byte) 0xff || jpeg[last + 1] != (byte) 0xda);
    ByteArrayOutputStream many = new ByteArrayOutputStream();
    many.write(jpeg, 0, last);
    for (int i = 0; i < 500; i++) {
      many.write(jpeg, last, jpeg.length - 2 - last);
    }
    many.write(jpeg, jpeg.length - 2, 2);
    assertThatThrownBy(() -> ImageHeader.check("a.jpg", many.toByteArray()))
        .hasMessage("a.jpg has more than 500 scans, which no picture needs");
  }

  @Test
  void anEndBeforeTheDataIsRefused() {
    byte[] ended = SampleImages.png("rgb.png", SampleImages.chunk("IEND"));
    assertThatThrownBy(() -> ImageHeader.check("a.png", ended))
        .hasMessage("a.png is a PNG without data: it has no picture");
  }

  @Test
  void aSizeThatTheFileCannotHoldIsRefusedBeforeAnythingIsAllocated() {
    byte[] png = SampleImages.bytes("rgb.png");
    for (int side : new int[] {0, -1, 9000, 100_000, Integer.MAX_VALUE}) {
      byte[] lying = png.clone();
      ByteBuffer.wrap(lying).putInt(16, side).putInt(20, side);
      CRC32 crc = new CRC32();
      crc.update(lying, 12, 17);
      ByteBuffer.wrap(lying).putInt(29, (int) crc.getValue());
      byte[] small = Arrays.copyOf(lying, lying.length);
      assertThatThrownBy(() -> ImageHeader.check("big.png", side == 9000 ? shrunk(small) : small))
          .as("side " + side)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("big.png");
    }
  }

  /** Header, an empty data chunk and the end: 57 bytes. */
  private static byte[] shrunk(byte[] png) {
    byte[] small = Arrays.copyOf(png, 57);
    byte[] data = {0, 0, 0, 0, 'I', 'D', 'A', 'T', 0x35, (byte) 0xaf, 0x06, 0x1e};
    System.arraycopy(data, 0, small, 33, 12);
    System.arraycopy(png, png.length - 12, small, 45, 12);
    return small;
  }

  @Test
  void torchvisionsSizes() {
    assertThat(ImageSize.cropped(224)).isEqualTo(new ImageSize(256, 224, 224));
    assertThat(ImageSize.cropped(224).window(375, 500))
        .isEqualTo(new Window(256, 341, 16, 58, 224, 224));
  }
}
