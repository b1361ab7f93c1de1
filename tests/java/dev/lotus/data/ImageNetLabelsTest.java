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
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Labels of ImageNet's validation images; tests/golden/imagenet has scipy's MATLAB files. */
class ImageNetLabelsTest {
  private static final Path GOLDEN =
      Path.of(System.getProperty("lotus.basedir", "."), "tests/golden/imagenet");
  private static final String KIT = "ILSVRC2012_devkit_t12/data/";
  private static final String TRUTH = "ILSVRC2012_validation_ground_truth.txt";

  @TempDir Path temp;
  private final List<String> notes = new ArrayList<>();

  private static byte[] meta(String name) throws IOException {
    return Files.readAllBytes(GOLDEN.resolve(name));
  }

  @ParameterizedTest
  @ValueSource(strings = {"meta.mat", "meta-plain.mat"})
  void readsMatlabsFile(String name) throws IOException {
    assertThat(SynsetFile.read(name, meta(name)))
        .containsEntry(1, "n02119789")
        .containsEntry(2, "n02100735")
        .containsEntry(300, "n01440764")
        .containsEntry(1001, "n02083346")
        .hasSize(4);
    byte[] cut = Arrays.copyOf(meta(name), 400);
    assertThatThrownBy(() -> SynsetFile.read("cut.mat", cut))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("cut.mat is");
    assertThatThrownBy(() -> SynsetFile.read("no.mat", new byte[500]))
        .hasMessageContaining("no header of a MATLAB file");
  }

  private Map<String, byte[]> official() throws IOException {
    Map<String, byte[]> outer = new LinkedHashMap<>();
    for (String wnid : new String[] {"n01440764", "n02100735", "n02119789"}) {
      outer.put(
          wnid + ".tar", SampleFiles.tar(Map.of(wnid + "_1.JPEG", SampleImages.bytes("rgb.jpg"))));
    }
    Map<String, byte[]> val = new LinkedHashMap<>();
    for (int i = 1; i <= 3; i++) {
      val.put("ILSVRC2012_val_0000000" + i + ".JPEG", SampleImages.bytes("grey.jpg"));
    }
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("ILSVRC2012_img_train.tar", SampleFiles.tar(outer));
    files.put("ILSVRC2012_img_val.tar", SampleFiles.tar(val));
    return files;
  }

  private static Map<String, byte[]> kit(String truth) throws IOException {
    Map<String, byte[]> kit = new LinkedHashMap<>();
    kit.put(KIT + "meta.mat", meta("meta.mat"));
    kit.put(KIT + TRUTH, truth.getBytes());
    return kit;
  }

  private Dataset open(Path folder) {
    return Datasets.open(
        "imagenet", folder, new DataSettings(0, false, null, 32, -1, 0, null, notes::add));
  }

  private static int[] labels(ImageSet set) {
    int[] labels = new int[set.size()];
    Arrays.setAll(labels, set::label);
    return labels;
  }

  /** Exactly the three files that image-net.org serves. */
  @Test
  void theOfficialFilesAreEnough() throws IOException {
    Map<String, byte[]> files = official();
    Path folder = SampleImages.write(temp.resolve("official"), files);
    Dataset without = open(folder);
    assertThat(without.heldOut().size()).isZero();
    assertThat(notes).hasSize(1);
    assertThat(notes.get(0)).contains("labels of the 3 ").contains("ILSVRC2012_devkit_t12.tar.gz");
    byte[] packed = SampleFiles.gzip(SampleFiles.tar(kit("300\n1\n2\n")));
    Files.write(folder.resolve("ILSVRC2012_devkit_t12.tar.gz"), packed);
    assertThat(labels(open(folder).heldOut())).containsExactly(0, 2, 1);
    // The unpacked kit comes first.
    SampleImages.write(folder, kit("2\n2\n1\n"));
    assertThat(labels(open(folder).heldOut())).containsExactly(1, 1, 2);
    // Kaggle's list comes before both.
    Files.writeString(
        folder.resolve("LOC_val_solution.csv"),
        "ImageId,PredictionString\nILSVRC2012_val_00000001,n02119789 1 2 3 4\n\n"
            + "ILSVRC2012_val_00000002,n01440764 1 2 3 4\nILSVRC2012_val_00000003,n01440764 1 1 1 1\n");
    assertThat(labels(open(folder).heldOut())).containsExactly(2, 0, 0);
    assertThat(notes).hasSize(1);
  }

  @Test
  void aFlatValFolderIsLabelledToo() throws IOException {
    Map<String, byte[]> files = kit("1\n300\n");
    files.put("train/n01440764/a.JPEG", SampleImages.bytes("rgb.jpg"));
    files.put("train/n02119789/a.JPEG", SampleImages.bytes("rgb.jpg"));
    files.put("val/ILSVRC2012_val_00000001.JPEG", SampleImages.bytes("grey.jpg"));
    files.put("val/ILSVRC2012_val_00000002.JPEG", SampleImages.bytes("grey.jpg"));
    Path folder = SampleImages.write(temp.resolve("flat"), files);
    assertThat(labels(open(folder).heldOut())).containsExactly(1, 0);
    Files.delete(folder.resolve(KIT + TRUTH));
    assertThat(open(folder).heldOut().size()).isZero();
    assertThat(notes.get(0)).contains("labels of the 2 validation images");
  }

  @Test
  void whatDoesNotFitIsNamed() throws IOException {
    Path folder = SampleImages.write(temp.resolve("wrong"), official());
    SampleImages.write(folder, kit("300\n1\n"));
    assertThatThrownBy(() -> open(folder))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("ILSVRC2012_val_00000003.JPEG has no label in");
    SampleImages.write(folder, kit("300\n1\n777\n"));
    assertThatThrownBy(() -> open(folder)).hasMessageContaining("line 3: '777' is no class number");
    SampleImages.write(folder, kit("300\n1\n1001\n"));
    assertThatThrownBy(() -> open(folder))
        .hasMessageContaining("line 3: '1001', that is 'n02083346' is no image and one of the 3");
    Files.writeString(folder.resolve("LOC_val_solution.csv"), ",\n");
    assertThatThrownBy(() -> open(folder)).hasMessageContaining("line 1: ',' is no image");
    Files.delete(folder.resolve("LOC_val_solution.csv"));
    Files.delete(folder.resolve(KIT + "meta.mat"));
    assertThatThrownBy(() -> open(folder)).hasMessageContaining("meta.mat: no such file");
  }
}
