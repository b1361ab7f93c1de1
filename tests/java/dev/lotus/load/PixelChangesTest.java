package dev.lotus.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lotus.data.MemoryImages;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

/** To the byte as torchvision changes the pictures of tests/golden/augment. */
class PixelChangesTest {
  private static final Path GOLDEN =
      Path.of(System.getProperty("lotus.basedir", "."), "tests/golden/augment");
  private static final int HEIGHT = 21;
  private static final int WIDTH = 26;

  /** uint8 [3, HEIGHT, WIDTH], the {@code number}-th of the pictures below each other. */
  private static byte[] planes(BufferedImage picture, int number) {
    byte[] planes = new byte[3 * HEIGHT * WIDTH];
    for (int y = 0; y < HEIGHT; y++) {
      for (int x = 0; x < WIDTH; x++) {
        int rgb = picture.getRGB(x, number * HEIGHT + y);
        for (int c = 0; c < 3; c++) {
          planes[(c * HEIGHT + y) * WIDTH + x] = (byte) (rgb >> 16 - 8 * c);
        }
      }
    }
    return planes;
  }

  private static byte[] input() throws IOException {
    return planes(ImageIO.read(GOLDEN.resolve("input.png").toFile()), 0);
  }

  private static void change(byte[] image, JsonNode step) {
    switch (step.get("op").asText()) {
      case "affine" ->
          new PixelChanges.Affine(
                  (float) step.get("scale").asDouble(), (float) step.get("shear").asDouble())
              .apply(image, HEIGHT, WIDTH);
      case "colour" -> {
        JsonNode factors = step.get("factors");
        new PixelChanges.Colour(
                step.get("order").asInt(),
                (float) factors.get(0).asDouble(),
                (float) factors.get(1).asDouble(),
                (float) factors.get(2).asDouble())
            .apply(image, 3);
      }
      case "crop" ->
          PixelChanges.move(
              image,
              HEIGHT,
              WIDTH,
              step.get("down").asInt(),
              step.get("across").asInt(),
              step.get("edge").asBoolean());
      default -> PixelChanges.mirror(image, WIDTH);
    }
  }

  @Test
  void agreesWithTorchvision() throws IOException {
    JsonNode cases = new ObjectMapper().readTree(GOLDEN.resolve("cases.json").toFile());
    BufferedImage expected = ImageIO.read(GOLDEN.resolve("expected.png").toFile());
    assertThat(expected.getHeight()).isEqualTo(cases.size() * HEIGHT);
    for (int i = 0; i < cases.size(); i++) {
      byte[] image = input();
      change(image, cases.get(i));
      assertThat(image).as(cases.get(i).toString()).isEqualTo(planes(expected, i));
    }
  }

  @Test
  void stepsComeInTorchvisionsOrder() throws IOException {
    PixelChanges.Affine affine = new PixelChanges.Affine(1.1f, 6);
    PixelChanges.Colour colour = new PixelChanges.Colour(3, 1.1f, .9f, 1.2f);
    byte[] expected = input();
    PixelChanges.move(expected, HEIGHT, WIDTH, 2, -3, false);
    PixelChanges.mirror(expected, WIDTH);
    affine.apply(expected, HEIGHT, WIDTH);
    colour.apply(expected, 3);
    MemoryImages shape = new MemoryImages(3, HEIGHT, WIDTH, input(), new byte[1]);
    byte[] image = input();
    Augmentation.Change left =
        new Augmentation.Change(2, -3, false, true, affine, colour).onPixels(image, shape);
    assertThat(image).isEqualTo(expected);
    assertThat(left).isEqualTo(new Augmentation.Change(0, 0, false));
  }

  /** Crops over black and mirrors are left to the normaliser, which makes them on its way. */
  @Test
  void whatTheNormaliserCanDoIsLeftToIt() throws IOException {
    MemoryImages shape = new MemoryImages(3, HEIGHT, WIDTH, input(), new byte[1]);
    byte[] image = input();
    Augmentation.Change change = new Augmentation.Change(2, -3, true);
    assertThat(change.onPixels(image, shape)).isSameAs(change);
    assertThat(image).isEqualTo(input());
  }

  @Test
  void drawsStayInTheirRangesAndFillThem() {
    Augmentation mufac = new Augmentation(0, false, true, 10, 0.2, 0.2);
    Set<Integer> orders = new HashSet<>();
    int draws = 60_000;
    int[] counts = new int[6];
    double[] sums = new double[5];
    double[] least = new double[5];
    double[] most = new double[5];
    Arrays.fill(least, Double.MAX_VALUE);
    Arrays.fill(most, -Double.MAX_VALUE);
    for (int i = 0; i < draws; i++) {
      Augmentation.Change change = mufac.draw(5, 2, i);
      assertThat(change.down() | change.across()).isZero();
      PixelChanges.Colour colour = change.colour();
      double[] values = {
        (change.affine().scale() - 1) / 0.2,
        change.affine().shear() / 10,
        (colour.brightness() - 1) / 0.2,
        (colour.contrast() - 1) / 0.2,
        (colour.saturation() - 1) / 0.2
      };
      for (int v = 0; v < values.length; v++) {
        sums[v] += values[v];
        least[v] = Math.min(least[v], values[v]);
        most[v] = Math.max(most[v], values[v]);
      }
      orders.add(colour.order());
      counts[colour.order()]++;
      assertThat(mufac.draw(5, 2, i)).isEqualTo(change);
    }
    for (int v = 0; v < sums.length; v++) {
      // Uniform in -1..1: five standard deviations of the mean.
      assertThat(Math.abs(sums[v] / draws)).isLessThan(5 / Math.sqrt(3.0 * draws));
      assertThat(least[v]).isBetween(-1.00001, -0.999);
      assertThat(most[v]).isBetween(0.999, 1.00001);
    }
    for (int count : counts) {
      assertThat(count).isBetween(10_000 - 457, 10_000 + 457);
    }
    assertThat(orders).hasSize(6);
    assertThat(mufac.draw(6, 2, 0)).isNotEqualTo(mufac.draw(5, 2, 0));
    assertThat(mufac.draw(5, 3, 0)).isNotEqualTo(mufac.draw(5, 2, 0));
  }

  @Test
  void coloursNeedOneOrThreeChannels() {
    PixelChanges.Colour colour = new PixelChanges.Colour(0, 1.1f, 1, 1);
    byte[] grey = {0, 100, (byte) 250, 10};
    colour.apply(grey, 1);
    assertThat(grey).containsExactly(0, 110, (byte) 255, 11);
    assertThatThrownBy(() -> colour.apply(new byte[4], 2)).hasMessageContaining("2 channels");
    assertThatThrownBy(() -> new PixelChanges.Affine(1, 1).apply(new byte[5000], 1, 5000))
        .hasMessageContaining("1x5000");
    assertThatThrownBy(() -> new Augmentation(0, false, false, 60, 0, 0))
        .hasMessageContaining("shear is 60");
    assertThatThrownBy(() -> new Augmentation(0, false, false, 0, Double.NaN, 0))
        .hasMessageContaining("scale is NaN");
  }
}
