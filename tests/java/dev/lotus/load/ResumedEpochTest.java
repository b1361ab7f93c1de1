package dev.lotus.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.ImageSet;
import dev.lotus.data.WrappedImages;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.TorchRuntime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The rest of an epoch is the rest: the same batches, and nothing before them is read. */
class ResumedEpochTest {
  private static final int BATCH = 7;
  private static Dataset data;

  /** Remembers which images were read. */
  private static final class Watched extends WrappedImages {
    private final Set<Integer> read;

    Watched(ImageSet images, Set<Integer> read) {
      super(images);
      this.read = read;
    }

    @Override
    public void read(int index, byte[] dst, int offset) {
      read.add(index);
      images.read(index, dst, offset);
    }
  }

  @BeforeAll
  static void load() {
    TorchRuntime.load(1);
    data = Datasets.open("synthetic", null, 7);
  }

  private static List<String> batches(ImageSet images, int from) {
    List<String> seen = new ArrayList<>();
    EpochOrder order = EpochOrder.all(40).shuffled(3, 2);
    try (BatchLoader loader =
        new BatchLoader(
            images, data.normalization(), new Augmentation(4, true), BATCH, ComputeDevice.CPU)) {
      Iterator<Batch> batches = loader.epoch(order, 2, 3, from);
      while (batches.hasNext()) {
        try (PointerScope scope = new PointerScope()) {
          Batch batch = batches.next();
          float[] pixels = new float[(int) batch.images().numel()];
          batch.images().data_ptr_float().get(pixels);
          seen.add(
              Arrays.toString(batch.indices())
                  + Arrays.toString(batch.samples())
                  + Arrays.hashCode(pixels));
        }
      }
    }
    return seen;
  }

  @Test
  void theSameBatchesFollow() {
    List<String> whole = batches(data.train(), 0);
    int[] order = EpochOrder.all(40).shuffled(3, 2).indices();
    for (int done = 0; done <= whole.size(); done++) {
      int from = Math.min(40, done * BATCH);
      Set<Integer> read = ConcurrentHashMap.newKeySet();
      assertThat(batches(new Watched(data.train(), read), from))
          .isEqualTo(whole.subList(done, whole.size()));
      assertThat(read)
          .containsExactlyInAnyOrderElementsOf(Arrays.stream(order, from, 40).boxed().toList());
    }
  }

  @Test
  void aPlaceOutsideTheEpochIsRefused() {
    for (int from : new int[] {-1, 41}) {
      assertThatThrownBy(() -> batches(data.train(), from))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("40 rows cannot begin at row " + from);
    }
  }
}
