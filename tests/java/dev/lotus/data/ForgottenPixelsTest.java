package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No cache of decoded images keeps the pixels of samples that were erased, whatever the set. */
class ForgottenPixelsTest {
  private static final int SIDE = 32;
  private static final int EACH = 6;

  @TempDir Path temp;
  private final Random random = new Random(2);
  private final Map<String, byte[]> files = new LinkedHashMap<>();

  /** No two alike in any row. */
  private byte[] noise() throws IOException {
    BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, SIDE, SIDE, random.ints(SIDE * SIDE).toArray(), 0, SIDE);
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    ImageIO.write(image, "png", png);
    return png.toByteArray();
  }

  private void pictures(String folder, String ending) throws IOException {
    for (int i = 0; i < EACH; i++) {
      files.put(folder + "/" + i + ending, noise());
    }
  }

  private DataSettings settings(int size, int perClass, double heldOut) {
    return new DataSettings(
        0, false, temp.resolve("cache"), size, perClass, heldOut, null, line -> {});
  }

  /** The middle of a picture's first plane: enough to know it by. */
  private static byte[] mark(byte[] pixels) {
    byte[] mark = new byte[SIDE];
    System.arraycopy(pixels, pixels.length / 6, mark, 0, SIDE);
    return mark;
  }

  private static byte[][] all(ImageSet set) {
    byte[][] images = new byte[set.size()][set.imageBytes()];
    for (int i = 0; i < images.length; i++) {
      set.read(i, images[i], 0);
    }
    return images;
  }

  /** All bytes of the cache, each as a letter. */
  private String cached() throws IOException {
    StringBuilder bytes = new StringBuilder();
    try (Stream<Path> caches = Files.list(temp.resolve("cache"))) {
      for (Path cache : caches.toList()) {
        bytes.append(new String(Files.readAllBytes(cache), StandardCharsets.ISO_8859_1));
      }
    }
    return bytes.toString();
  }

  private static boolean holds(String cached, byte[] image) {
    return cached.contains(new String(mark(image), StandardCharsets.ISO_8859_1));
  }

  /** At two sizes, as runs that resize leave two files. */
  private void erases(String set, Path folder, int perClass, double heldOut, int... forget)
      throws IOException {
    List<byte[][]> images = new ArrayList<>();
    for (int size : new int[] {SIDE + 8, SIDE}) {
      Dataset data = Datasets.open(set, folder, settings(size, perClass, heldOut));
      images.add(all(data.train()));
      all(data.heldOut());
    }
    String before = cached();
    Dataset data = Datasets.open(set, folder, settings(SIDE, perClass, heldOut));
    data.train().eraseCached(forget);
    // What is erased stays so when it is used again.
    all(data.train());
    String after = cached();
    for (byte[][] sized : images) {
      List<Integer> gone = new ArrayList<>();
      for (int i = 0; i < sized.length; i++) {
        assertThat(holds(before, sized[i])).as("%s %d, at first", set, i).isTrue();
        if (!holds(after, sized[i])) {
          gone.add(i);
        }
      }
      assertThat(gone)
          .as(set)
          .containsExactly(Arrays.stream(forget).boxed().toArray(Integer[]::new));
    }
  }

  @Test
  void mufac() throws IOException {
    for (String part : new String[] {"train", "val", "test"}) {
      pictures(part + "_images", ".png");
      StringBuilder csv = new StringBuilder("family_id,person_id,age_class,image_path\n");
      for (int i = EACH - 1; i >= 0; i--) {
        csv.append("F").append(i).append(",1,").append("ah".charAt(i % 2));
        csv.append(",").append(i).append(".png\n");
      }
      files.put("custom_" + part + "_dataset.csv", csv.toString().getBytes());
    }
    erases("mufac", SampleImages.write(temp.resolve("faces"), files), -1, 0, 0, 4);
  }

  @Test
  void imageNetWithAShareOfItsImages() throws IOException {
    pictures("train/n01440764", ".JPEG");
    pictures("train/n01443537", ".JPEG");
    pictures("val/n01443537", ".JPEG");
    erases("imagenet", SampleImages.write(temp.resolve("imagenet"), files), 4, 0, 1, 5, 7);
  }

  @Test
  void imageNetPacked() throws IOException {
    Map<String, byte[]> outer = new LinkedHashMap<>();
    for (String wnid : new String[] {"n01440764", "n01443537"}) {
      Map<String, byte[]> inner = new LinkedHashMap<>();
      for (int i = 0; i < EACH; i++) {
        inner.put(wnid + "_" + i + ".JPEG", noise());
      }
      outer.put(wnid + ".tar", SampleFiles.tar(inner));
    }
    Path packed = Files.createDirectories(temp.resolve("packed"));
    Files.write(packed.resolve("ILSVRC2012_img_train.tar"), SampleFiles.tar(outer));
    erases("imagenet", packed, 0, 0.34, 0, 3);
  }

  @Test
  void whereTheHeldOutImagesAreTakenFromTraining() throws IOException {
    pictures("ant", ".png");
    pictures("cat", ".png");
    erases("image-folder", SampleImages.write(temp.resolve("set"), files), -1, 0.34, 2, 3);
  }

  @Test
  void tinyImageNet() throws IOException {
    pictures("train/n01/images", ".JPEG");
    pictures("train/n02/images", ".JPEG");
    files.put("val/images/val_0.JPEG", noise());
    files.put("val/val_annotations.txt", "val_0.JPEG\tn01\t0\t0\t5\t5\n".getBytes());
    erases("tiny-imagenet", SampleImages.write(temp.resolve("tiny"), files), -1, 0, 0, 11);
  }
}
