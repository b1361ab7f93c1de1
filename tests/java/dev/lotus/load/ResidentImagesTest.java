package dev.lotus.load;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.LeakCheck;
import dev.lotus.dist.Shards;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Batches from resident images, as a GPU makes them, here on the CPU. */
@ExtendWith(LeakCheck.class)
class ResidentImagesTest {
  private static final Dataset DATA = Datasets.open("synthetic", null, 7);

  static Stream<Augmentation> augmentations() {
    return Stream.of(
        Augmentation.NONE,
        new Augmentation(4, true),
        new Augmentation(5, true, true, 0, 0, 0),
        new Augmentation(2, true, true, 10, 0.2, 0.2));
  }

  private static BatchLoader loader(Augmentation augmentation, ResidentImages.Rule rule) {
    return new BatchLoader(
        DATA.train(),
        DATA.normalization(),
        augmentation,
        Shards.whole(64),
        ComputeDevice.CPU,
        rule);
  }

  private static List<Object> batches(BatchLoader loader, EpochOrder order, int from) {
    List<Object> seen = new ArrayList<>();
    Iterator<Batch> batches = loader.epoch(order, 3, 5, from);
    while (batches.hasNext()) {
      try (PointerScope step = new PointerScope()) {
        Batch batch = batches.next();
        float[] pixels = new float[(int) batch.images().numel()];
        batch.images().data_ptr_float().get(pixels);
        long[] labels = new long[(int) batch.labels().numel()];
        batch.labels().data_ptr_long().get(labels);
        byte[] flags = new byte[(int) batch.flags().numel()];
        batch.flags().data_ptr_char().get(flags);
        long[] positions = new long[(int) batch.positions().numel()];
        batch.positions().data_ptr_long().get(positions);
        assertThat(flags).isEqualTo(batch.isForget());
        assertThat(positions).isEqualTo(batch.samples());
        seen.addAll(List.of(pixels, labels, flags, positions, batch.indices()));
      }
    }
    return seen;
  }

  @ParameterizedTest
  @MethodSource("augmentations")
  void batchesHaveTheBitsOfCopiedOnes(Augmentation augmentation) {
    EpochOrder order = EpochOrder.of(new int[] {5, 5, 1999}, EpochOrder.all(200).indices());
    try (BatchLoader copied = loader(augmentation, ResidentImages.Rule.NEVER);
        BatchLoader resident = loader(augmentation, ResidentImages.Rule.ALWAYS)) {
      for (int from : new int[] {0, 64}) {
        assertThat(batches(resident, order.shuffled(1, 2), from))
            .usingRecursiveComparison()
            .isEqualTo(batches(copied, order.shuffled(1, 2), from));
      }
    }
  }

  /** The array belongs to all loaders that are open; the leak check sees the last one free it. */
  @Test
  void openLoadersShareOneArray() {
    try (BatchLoader first = loader(Augmentation.NONE, ResidentImages.Rule.ALWAYS);
        BatchLoader second = loader(Augmentation.NONE, ResidentImages.Rule.ALWAYS)) {
      first.epoch(EpochOrder.all(10), 0, 0);
      List<Object> before = batches(second, EpochOrder.all(100), 0);
      first.close();
      assertThat(batches(second, EpochOrder.all(100), 0))
          .usingRecursiveComparison()
          .isEqualTo(before);
      ResidentImages held =
          ResidentImages.acquire(DATA.train(), ComputeDevice.CPU, ResidentImages.Rule.ALWAYS, 1);
      ResidentImages again =
          ResidentImages.acquire(DATA.train(), ComputeDevice.CPU, ResidentImages.Rule.ALWAYS, 1);
      assertThat(again).isSameAs(held);
      again.release();
      held.release();
    }
  }
}
