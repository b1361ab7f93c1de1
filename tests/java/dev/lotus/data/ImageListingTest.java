package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Data sets of image files, each in its published layout. */
class ImageListingTest {
  @TempDir Path temp;
  private final List<String> notes = new ArrayList<>();
  private Map<String, byte[]> files;

  @BeforeEach
  void sample() {
    files = SampleImages.imageFolder();
  }

  private DataSettings settings(boolean skip, Path cache, int size, double heldOut, Path unseen) {
    return new DataSettings(0, skip, cache, size, -1, heldOut, unseen, notes::add);
  }

  private static int[] labels(ImageSet set) {
    int[] labels = new int[set.size()];
    Arrays.setAll(labels, set::label);
    return labels;
  }

  private static byte[] image(ImageSet set, int index) {
    byte[] image = new byte[set.imageBytes()];
    set.read(index, image, 0);
    return image;
  }

  @Test
  void imageFolderAndItsArchive() throws IOException {
    Path folder = SampleImages.write(temp.resolve("set"), files);
    Dataset data = Datasets.open("image-folder", temp, 0);
    assertThat(data.classNames()).containsExactly("ant", "cat");
    assertThat(labels(data.train())).containsExactly(0, 1, 1, 1);
    assertThat(labels(data.heldOut())).containsExactly(0, 1, 1);
    assertThat(data.train().height()).isEqualTo(224);
    Path zip = Files.write(temp.resolve("set.zip"), SampleImages.zip(files));
    Dataset packed = Datasets.open("image-folder", zip, 0);
    assertThat(packed.sha256()).isEqualTo(data.sha256());
    assertThat(image(packed.train(), 2)).isEqualTo(image(data.train(), 2));
    files.put("train/cat/b.jpg", SampleImages.bytes("rotated.jpg"));
    SampleImages.write(folder, files);
    assertThat(Datasets.open("image-folder", folder, 0).sha256()).isNotEqualTo(data.sha256());
  }

  @Test
  void badImagesAreNamedAndSkippedOnlyOnRequest() throws IOException {
    files.put("train/cat/zero.jpg", new byte[0]);
    files.put("train/ant/cut.jpg", Arrays.copyOf(SampleImages.bytes("rgb.jpg"), 900));
    byte[] damaged = SampleImages.bytes("rgb.png").clone();
    damaged[60] ^= 1;
    files.put("val/ant/damaged.png", damaged);
    Path folder = SampleImages.write(temp.resolve("set"), files);
    assertThatThrownBy(() -> Datasets.open("image-folder", folder, 0))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cut.jpg is cut off")
        .hasMessageContaining("2 of 6 images are bad")
        .hasMessageContaining("--skip-bad-images");
    Dataset data = Datasets.open("image-folder", folder, settings(true, null, 0, 0, null));
    assertThat(data.train().size()).isEqualTo(4);
    assertThat(data.heldOut().size()).isEqualTo(3);
    assertThat(notes).hasSize(5);
    assertThat(notes.get(0)).startsWith("skipped: ").contains("cut.jpg");
    assertThat(notes.get(1)).contains("zero.jpg is empty");
    assertThat(notes.get(2)).isEqualTo("2 of 6 images are bad and were skipped");
  }

  /** Handles of archives that are refused are closed. */
  @Test
  void aRefusedArchiveIsNotKeptOpen() throws IOException {
    files.put("train/cat/zero.jpg", new byte[0]);
    List<Path> archives =
        List.of(
            Files.write(temp.resolve("bad.zip"), SampleImages.zip(files)),
            Files.write(temp.resolve("bad.tar"), SampleFiles.tar(files)));
    for (Path archive : archives) {
      assertThatThrownBy(() -> Datasets.open("image-folder", archive, 0))
          .hasMessageContaining("zero.jpg is empty");
      assertThatThrownBy(() -> Datasets.open("mufac", archive, 0))
          .hasMessageContaining("no mufac files");
      assertThatThrownBy(() -> Datasets.open("imagenet", archive, 0))
          .isInstanceOf(InputException.class);
      Path folder = SampleImages.write(temp.resolve("set"), SampleImages.imageFolder());
      assertThatThrownBy(
              () -> Datasets.open("image-folder", folder, settings(false, null, 0, 0, archive)))
          .isInstanceOf(InputException.class);
      // The set itself is right, but not what is asked of it.
      Path good =
          Files.write(temp.resolve("good.zip"), SampleImages.zip(SampleImages.imageFolder()));
      assertThatThrownBy(
              () -> Datasets.open("image-folder", good, settings(false, null, 0, 0.4, null)))
          .hasMessageContaining("held-out images of its own");
      assertClosed(archive, good);
    }
    Path tars = Files.createDirectories(temp.resolve("tars"));
    Path train = Files.write(tars.resolve("ILSVRC2012_img_train.tar"), SampleFiles.tar(files));
    Path val = Files.write(tars.resolve("ILSVRC2012_img_val.tar"), new byte[700]);
    assertThatThrownBy(() -> Datasets.open("imagenet", tars, 0)).hasMessageContaining("no archive");
    assertClosed(train, val);
  }

  private static void assertClosed(Path... archives) throws IOException {
    try (var handles = Files.list(Path.of("/proc/self/fd"))) {
      assertThat(handles.map(ImageListingTest::target)).doesNotContain(archives);
    }
  }

  private static Path target(Path link) {
    try {
      return Files.readSymbolicLink(link);
    } catch (IOException e) {
      return link;
    }
  }

  @Test
  void aFolderWithoutHeldOutImagesTakesAShareOfTraining() throws IOException {
    Map<String, byte[]> flat = new LinkedHashMap<>();
    for (int i = 0; i < 5; i++) {
      flat.put("x/" + i + ".jpg", SampleImages.bytes("grey.jpg"));
      flat.put("y/" + i + ".jpg", SampleImages.bytes("rgb.jpg"));
    }
    Path folder = SampleImages.write(temp.resolve("flat"), flat);
    Dataset none = Datasets.open("image-folder", folder, 0);
    assertThat(none.heldOut().size()).isZero();
    Dataset data = Datasets.open("image-folder", folder, settings(false, null, 0, 0.4, null));
    assertThat(labels(data.train())).containsExactly(0, 0, 0, 1, 1, 1);
    assertThat(labels(data.heldOut())).containsExactly(0, 0, 1, 1);
    assertThat(data.sha256()).isNotEqualTo(none.sha256());
    Path whole = SampleImages.write(temp.resolve("set"), files);
    assertThatThrownBy(
            () -> Datasets.open("image-folder", whole, settings(false, null, 0, 0.4, null)))
        .hasMessageContaining("has 3 held-out images of its own");
  }

  @Test
  void unseenImagesComeFromElsewhere() throws IOException {
    Path folder = SampleImages.write(temp.resolve("set"), files);
    Map<String, byte[]> other = new LinkedHashMap<>();
    other.put("cat/g.png", SampleImages.bytes("rgb.png"));
    other.put("0/g.png", SampleImages.bytes("grey.png"));
    Path unseen = SampleImages.write(temp.resolve("generated"), other);
    Dataset data = Datasets.open("image-folder", folder, settings(false, null, 0, 0, unseen));
    Split split = Split.explicit(data, new int[] {1}, 3);
    assertThat(split.test()).containsExactly(0, 1, 2);
    assertThat(split.val()).containsExactly(3, 4);
    assertThat(labels(data.heldOut())).containsExactly(0, 1, 1, 0, 1);
    Dataset plain = Datasets.open("image-folder", folder, 0);
    assertThatThrownBy(() -> split.checkAgainst(plain)).hasMessageContaining("made for other");
    Path wrong = SampleImages.write(temp.resolve("wrong"), Map.of("dog/a.png", new byte[1]));
    assertThatThrownBy(
            () -> Datasets.open("image-folder", folder, settings(false, null, 0, 0, wrong)))
        .hasMessageContaining("no folder that is named after a class");
  }

  @Test
  void decodedImagesAreKeptInAFileThatHealsAndIsRenewed() throws IOException {
    Path folder = SampleImages.write(temp.resolve("set"), files);
    Path cache = temp.resolve("cache");
    DataSettings cached = settings(false, cache, 64, 0, null);
    byte[] expected = image(Datasets.open("image-folder", folder, cached).train(), 1);
    Path pixels = only(cache, "image-folder.train");
    byte[] bytes = Files.readAllBytes(pixels);
    int first = 128 + 8 * 4;
    int start = first + expected.length;
    assertThat(Arrays.copyOfRange(bytes, start, start + expected.length)).isEqualTo(expected);
    // A damaged pixel is found by its sum; one that is not filled yet is decoded.
    bytes[start + 5] ^= 1;
    Files.write(pixels, bytes);
    Dataset again = Datasets.open("image-folder", folder, cached);
    assertThat(image(again.train(), 1)).isEqualTo(expected);
    assertThat(Files.readAllBytes(pixels)[start + 5]).isEqualTo(expected[5]);
    again.train().eraseCached(new int[] {1});
    byte[] erased = Files.readAllBytes(pixels);
    assertThat(Arrays.copyOfRange(erased, start, start + expected.length))
        .isEqualTo(new byte[expected.length]);
    assertThat(image(again.train(), 1)).isEqualTo(expected);
    files.put("train/cat/b.jpg", SampleImages.bytes("rotated.jpg"));
    SampleImages.write(folder, files);
    image(Datasets.open("image-folder", folder, cached).train(), 1);
    assertThat(only(cache, "image-folder.train")).isNotEqualTo(pixels);
    assertThat(pixels).doesNotExist();
  }

  private static Path only(Path folder, String start) throws IOException {
    try (var list = Files.list(folder)) {
      List<Path> found = list.filter(f -> f.getFileName().toString().startsWith(start)).toList();
      assertThat(found).hasSize(1);
      return found.get(0);
    }
  }

  @Test
  void tinyImageNet() throws IOException {
    Map<String, byte[]> tiny = new LinkedHashMap<>();
    for (String wnid : new String[] {"n02", "n01"}) {
      tiny.put("train/" + wnid + "/images/" + wnid + "_0.JPEG", SampleImages.bytes("rgb.jpg"));
      tiny.put("train/" + wnid + "/images/" + wnid + "_1.JPEG", SampleImages.bytes("grey.jpg"));
    }
    tiny.put("val/images/val_0.JPEG", SampleImages.bytes("rgb.jpg"));
    tiny.put("val/images/val_1.JPEG", SampleImages.bytes("grey.jpg"));
    tiny.put("test/images/test_0.JPEG", SampleImages.bytes("rgb.jpg"));
    String lines = "val_1.JPEG\tn02\t0\t0\t5\t5\nval_0.JPEG\tn01\t0\t0\t5\t5\n";
    tiny.put("val/val_annotations.txt", lines.getBytes());
    tiny.put("words.txt", "n01\tgoldfish, carp\nn02\tnewt\nn03\tfrog\n".getBytes());
    Path folder = SampleImages.write(temp.resolve("tiny-imagenet-200"), tiny);
    Dataset data = Datasets.open("tiny-imagenet", folder, 0);
    assertThat(data.classNames()).containsExactly("goldfish", "newt");
    assertThat(labels(data.train())).containsExactly(0, 0, 1, 1);
    assertThat(labels(data.heldOut())).containsExactly(1, 0);
    assertThat(data.train().height()).isEqualTo(64);
    assertThat(data.normalization().mean()[0]).isEqualTo(122.4786f / 255);
    Dataset large = Datasets.open("tiny-imagenet", folder, settings(false, null, 224, 0, null));
    assertThat(large.train().width()).isEqualTo(224);
    Map<String, byte[]> packed = new LinkedHashMap<>();
    tiny.forEach((name, bytes) -> packed.put("tiny-imagenet-200/" + name, bytes));
    Path download = Files.createDirectories(temp.resolve("downloaded"));
    Files.write(download.resolve("tiny-imagenet-200.zip"), SampleImages.zip(packed));
    assertThat(Datasets.open("tiny-imagenet", download, 0).sha256()).isEqualTo(data.sha256());
    tiny.put("val/val_annotations.txt", "val_1.JPEG\tn09\n".getBytes());
    SampleImages.write(folder, tiny);
    assertThatThrownBy(() -> Datasets.open("tiny-imagenet", folder, 0))
        .hasMessageContaining("line 1");
  }

  @Test
  void mufac() throws IOException {
    Map<String, byte[]> mufac = new LinkedHashMap<>();
    for (String part : new String[] {"train", "val", "test"}) {
      mufac.put(part + "_images/F1_a.jpg", SampleImages.bytes("rgb.jpg"));
      mufac.put(part + "_images/F2_h.jpg", SampleImages.bytes("grey.jpg"));
      String csv = "family_id,person_id,age_class,image_path\nF2,1,h,F2_h.jpg\nF1,1,a,F1_a.jpg\n";
      mufac.put("custom_" + part + "_dataset.csv", csv.getBytes());
    }
    Path folder = SampleImages.write(temp.resolve("faces"), mufac);
    Dataset data = Datasets.open("mufac", folder, 0);
    assertThat(data.classes()).isEqualTo(8);
    assertThat(labels(data.train())).containsExactly(7, 0);
    assertThat(labels(data.heldOut())).containsExactly(7, 0, 7, 0);
    assertThat(data.unseenFrom()).isEqualTo(2);
    assertThat(data.published().first()).isEqualTo(1062);
    assertThatThrownBy(() -> Split.published(data, 1)).hasMessageContaining("first 1062");
    mufac.put("custom_val_dataset.csv", "age_class,image_path\na,../../etc/passwd\n".getBytes());
    SampleImages.write(folder, mufac);
    assertThatThrownBy(() -> Datasets.open("mufac", folder, 0))
        .hasMessageContaining("points outside");
  }

  @Test
  void imageNetAsFoldersAndAsPublishedArchives() throws IOException {
    Map<String, byte[]> outer = new LinkedHashMap<>();
    Map<String, byte[]> folders = new LinkedHashMap<>();
    for (String wnid : new String[] {"n01440764", "n01443537"}) {
      Map<String, byte[]> inner = new LinkedHashMap<>();
      for (int i = 0; i < 60; i++) {
        String name = wnid + "_" + i + ".JPEG";
        byte[] jpeg = SampleImages.bytes(i % 2 == 0 ? "grey.jpg" : "rgb.jpg");
        inner.put(name, jpeg);
        folders.put("train/" + wnid + "/" + name, jpeg);
      }
      outer.put(wnid + ".tar", SampleFiles.tar(inner));
    }
    Path packed = Files.createDirectories(temp.resolve("packed"));
    Files.write(packed.resolve("ILSVRC2012_img_train.tar"), SampleFiles.tar(outer));
    Map<String, byte[]> val = new LinkedHashMap<>();
    val.put("ILSVRC2012_val_00000001.JPEG", SampleImages.bytes("cmyk.jpg"));
    val.put("ILSVRC2012_val_00000002.JPEG", SampleImages.bytes("rgb.jpg"));
    Files.write(packed.resolve("ILSVRC2012_img_val.tar"), SampleFiles.tar(val));
    String csv =
        "ImageId,PredictionString\nILSVRC2012_val_00000001,n01443537 1 2 3 4 \n"
            + "ILSVRC2012_val_00000002,n01440764 85 1 499 272 \n";
    Files.writeString(packed.resolve("LOC_val_solution.csv"), csv);
    DataSettings small = settings(false, null, 32, 0, null);
    Dataset tars = Datasets.open("imagenet", packed, small);
    assertThat(tars.train().size()).isEqualTo(100);
    assertThat(labels(tars.heldOut())).containsExactly(1, 0);
    Split split = Split.published(tars, 3407);
    assertThat(split.forget()).containsExactly(0, 1, 2, 3, 4, 50, 51, 52, 53, 54);
    assertThat(split.retain()).hasSize(90);
    folders.put("val/n01443537/1.JPEG", SampleImages.bytes("cmyk.jpg"));
    Path unpacked = SampleImages.write(temp.resolve("unpacked"), folders);
    Dataset data = Datasets.open("imagenet", unpacked, small);
    assertThat(image(data.train(), 55)).isEqualTo(image(tars.train(), 55));
    DataSettings all = new DataSettings(0, false, null, 32, 0, 0, null, notes::add);
    assertThat(Datasets.open("imagenet", unpacked, all).train().size()).isEqualTo(120);
  }
}
