package dev.lotus.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.data.DataSettings;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.ImageSet;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.TorchRuntime;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Batches of images that are decoded while the model computes. */
class DecodedBatchesTest {
  private static final Path IMAGES =
      Path.of(System.getProperty("lotus.basedir", "."), "tests/golden/images");

  @TempDir Path temp;

  @BeforeAll
  static void load() {
    TorchRuntime.load(0);
  }

  private Path folder(int perClass) throws IOException {
    for (String name : List.of("rgb.jpg", "grey.jpg", "cmyk.jpg", "alpha.png")) {
      Path of = Files.createDirectories(temp.resolve("set/" + name.substring(0, 4)));
      for (int i = 0; i < perClass; i++) {
        Files.copy(IMAGES.resolve(name), of.resolve(i + name.substring(name.length() - 4)));
      }
    }
    return temp.resolve("set");
  }

  private static DataSettings settings(Path cache) {
    return new DataSettings(0, false, cache, 48, -1, 0, null, line -> {});
  }

  @Test
  void severalThreadsGiveTheSameBatchesAsOne() throws IOException {
    Path folder = folder(9);
    Dataset data = Datasets.open("image-folder", folder, settings(temp.resolve("cache")));
    ImageSet images = data.train();
    float[][] expected = new float[images.size()][];
    float[] mean = data.normalization().mean();
    float[] std = data.normalization().std();
    ImageSet plain = Datasets.open("image-folder", folder, settings(null)).train();
    for (int i = 0; i < images.size(); i++) {
      byte[] image = new byte[plain.imageBytes()];
      plain.read(i, image, 0);
      expected[i] = new float[image.length];
      for (int k = 0; k < image.length; k++) {
        int c = k / (images.height() * images.width());
        expected[i][k] = ((image[k] & 0xff) / 255f - mean[c]) / std[c];
      }
    }
    for (int epoch = 0; epoch < 3; epoch++) {
      EpochOrder order = EpochOrder.all(images.size()).shuffled(1, epoch);
      int seen = 0;
      // A loader closed in the middle must leave archive and cache usable.
      try (BatchLoader loader = loader(data)) {
        loader.epoch(order, epoch, 1);
      }
      try (BatchLoader loader = loader(data)) {
        Iterator<Batch> batches = loader.epoch(order, epoch, 1);
        while (batches.hasNext()) {
          try (PointerScope scope = new PointerScope()) {
            Batch batch = batches.next();
            float[] values = new float[(int) batch.images().numel()];
            new FloatPointer(batch.images().data_ptr()).get(values);
            for (int row = 0; row < batch.size(); row++, seen++) {
              int start = row * images.imageBytes();
              assertThat(java.util.Arrays.copyOfRange(values, start, start + images.imageBytes()))
                  .isEqualTo(expected[batch.indices()[row]]);
            }
          }
        }
      }
      assertThat(seen).isEqualTo(images.size());
    }
  }

  private static BatchLoader loader(Dataset data) {
    return new BatchLoader(
        data.train(), data.normalization(), Augmentation.NONE, 7, ComputeDevice.CPU);
  }

  @Test
  void aFileThatBreaksAfterTheSetWasOpenedIsNamed() throws IOException {
    Path folder = folder(2);
    Dataset data = Datasets.open("image-folder", folder, settings(null));
    Files.write(folder.resolve("grey/1.jpg"), new byte[0]);
    try (BatchLoader loader = loader(data)) {
      Iterator<Batch> batches = loader.epoch(EpochOrder.all(data.train().size()), 0, 0);
      assertThatThrownBy(
              () -> {
                try (PointerScope scope = new PointerScope()) {
                  while (batches.hasNext()) {
                    batches.next();
                  }
                }
              })
          .isInstanceOf(InputException.class)
          .hasMessageContaining("1.jpg is empty");
    }
  }

  /** Two OpenMP runtimes in one process fight for the processors, or worse. */
  @Test
  void decoderAndLibtorchShareOneOpenMp() throws IOException {
    Dataset data = Datasets.open("image-folder", folder(1), settings(null));
    data.train().read(0, new byte[data.train().imageBytes()], 0);
    List<String> runtimes =
        Files.readAllLines(Path.of("/proc/self/maps")).stream()
            .filter(line -> line.matches(".*/lib[gi]?omp[^/]*\\.so.*"))
            .map(line -> line.substring(line.indexOf('/')))
            .distinct()
            .toList();
    assertThat(runtimes).hasSize(1);
  }
}
