package dev.lotus.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.ImageSet;
import dev.lotus.data.Normalization;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.TorchRuntime;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BatchLoaderTest {
  private static final Augmentation CROP_AND_FLIP = new Augmentation(4, true);
  private static Dataset data;

  @BeforeAll
  static void load() {
    TorchRuntime.load(1);
    data = Datasets.open("synthetic", null, 7);
  }

  private static BatchLoader loader(ImageSet images, Augmentation augmentation, int batchSize) {
    return new BatchLoader(
        images, data.normalization(), augmentation, batchSize, ComputeDevice.CPU);
  }

  /** What one epoch delivers, copied out of native memory. */
  private record Seen(float[] pixels, long[] labels, byte[] isForget, long[] samples, int[] rows) {}

  private static List<Seen> run(Iterator<Batch> batches) {
    List<Seen> seen = new ArrayList<>();
    while (batches.hasNext()) {
      try (PointerScope step = new PointerScope()) {
        Batch batch = batches.next();
        float[] pixels = new float[(int) batch.images().numel()];
        batch.images().data_ptr_float().get(pixels);
        long[] labels = new long[(int) batch.labels().numel()];
        batch.labels().data_ptr_long().get(labels);
        seen.add(new Seen(pixels, labels, batch.isForget(), batch.samples(), batch.indices()));
      }
    }
    return seen;
  }

  private static List<Seen> run(Augmentation augmentation, int batchSize, long epoch, long seed) {
    try (BatchLoader loader = loader(data.train(), augmentation, batchSize)) {
      return run(loader.epoch(EpochOrder.all(300), epoch, seed));
    }
  }

  private static float[] allPixels(List<Seen> seen) {
    int total = seen.stream().mapToInt(s -> s.pixels.length).sum();
    float[] all = new float[total];
    int at = 0;
    for (Seen s : seen) {
      System.arraycopy(s.pixels, 0, all, at, s.pixels.length);
      at += s.pixels.length;
    }
    return all;
  }

  @Test
  void normalisesToTheBitsOfTorchvision() {
    try (BatchLoader loader = loader(data.train(), Augmentation.NONE, 50);
        PointerScope scope = new PointerScope()) {
      Batch batch = loader.epoch(EpochOrder.all(50), 0, 0).next();
      byte[] pixels = new byte[50 * 3072];
      for (int i = 0; i < 50; i++) {
        data.train().read(i, pixels, i * 3072);
      }
      // ToTensor: bytes to float, divided by 255; Normalize: minus mean, over std.
      Tensor raw = torch.tensor(pixels).bitwise_and(new Scalar(255));
      Tensor bytes = raw.to(ScalarType.Byte).view(50, 3, 32, 32);
      Tensor mean = torch.tensor(data.normalization().mean()).view(1, 3, 1, 1);
      Tensor std = torch.tensor(data.normalization().std()).view(1, 3, 1, 1);
      Tensor expected = bytes.to(ScalarType.Float).div(new Scalar(255)).sub_(mean).div_(std);
      assertThat(batch.images().equal(expected)).isTrue();
      assertThat(batch.images().scalar_type().intern()).isEqualTo(ScalarType.Float);
      assertThat(batch.labels().scalar_type().intern()).isEqualTo(ScalarType.Long);
    }
  }

  @Test
  void keepsTheOrderAndTheLastPartialBatch() {
    EpochOrder order = EpochOrder.of(new int[] {5, 900}, new int[] {7, 7, 1999});
    try (BatchLoader loader = loader(data.train(), Augmentation.NONE, 2)) {
      List<Seen> seen = run(loader.epoch(order, 0, 0));
      assertThat(seen).hasSize(3);
      assertThat(seen.get(0).rows).containsExactly(5, 900);
      assertThat(seen.get(0).isForget).containsExactly(1, 1);
      assertThat(seen.get(1).rows).containsExactly(7, 7);
      assertThat(seen.get(1).isForget).containsExactly(0, 0);
      assertThat(seen.get(1).samples).containsExactly(2, 3);
      assertThat(seen.get(2).rows).containsExactly(1999);
      assertThat(seen.get(2).samples).containsExactly(4);
      assertThat(seen.get(2).labels).containsExactly(data.train().label(1999));
      assertThat(seen.get(2).pixels).hasSize(3072);
    }
  }

  @Test
  void anEmptyOrderHasNoBatch() {
    try (BatchLoader loader = loader(data.train(), Augmentation.NONE, 2)) {
      assertThat(loader.epoch(EpochOrder.of(new int[0]), 0, 0).hasNext()).isFalse();
    }
  }

  @Test
  void augmentationFollowsFromSeedEpochAndPosition() {
    float[] once = allPixels(run(CROP_AND_FLIP, 64, 3, 11));
    assertThat(allPixels(run(CROP_AND_FLIP, 64, 3, 11))).isEqualTo(once);
    // Not from how the epoch is cut into batches.
    assertThat(allPixels(run(CROP_AND_FLIP, 7, 3, 11))).isEqualTo(once);
    assertThat(allPixels(run(CROP_AND_FLIP, 64, 4, 11))).isNotEqualTo(once);
    assertThat(allPixels(run(CROP_AND_FLIP, 64, 3, 12))).isNotEqualTo(once);
  }

  @Test
  void severalEpochsAndALeftOneDoNotDisturbEachOther() {
    try (BatchLoader loader = loader(data.train(), CROP_AND_FLIP, 64)) {
      Iterator<Batch> left = loader.epoch(EpochOrder.all(300), 0, 1);
      try (PointerScope step = new PointerScope()) {
        left.next();
      }
      float[] pixels = allPixels(run(loader.epoch(EpochOrder.all(300), 3, 11)));
      assertThat(pixels).isEqualTo(allPixels(run(CROP_AND_FLIP, 64, 3, 11)));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void nativeMemoryStaysFlatAndTheThreadEnds(int epochs) {
    run(CROP_AND_FLIP, 32, 0, 0);
    long objects = Pointer.totalCount();
    long bytes = Pointer.totalBytes();
    for (int epoch = 0; epoch < epochs; epoch++) {
      try (BatchLoader loader = loader(data.train(), CROP_AND_FLIP, 32)) {
        Iterator<Batch> batches = loader.epoch(EpochOrder.all(2000), epoch, 0);
        for (int step = 0; step < 40; step++) {
          try (PointerScope scope = new PointerScope()) {
            assertThat(batches.next().images().defined()).isTrue();
          }
          assertThat(Pointer.totalCount()).isLessThanOrEqualTo(objects);
        }
      }
    }
    assertThat(Pointer.totalCount()).isLessThanOrEqualTo(objects);
    assertThat(Pointer.totalBytes()).isLessThanOrEqualTo(bytes);
    assertThat(Thread.getAllStackTraces().keySet())
        .noneMatch(thread -> thread.getName().equals("lotus-prefetch"));
  }

  private static long directBytes() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }

  /** Direct buffers are freed by the collector, which does not see how large they are. */
  @Test
  void laterEpochsUseTheFirstOnesBuffers() {
    try (BatchLoader loader = loader(data.train(), CROP_AND_FLIP, 64)) {
      run(loader.epoch(EpochOrder.all(300), 0, 0));
      long bytes = directBytes();
      for (int epoch = 1; epoch < 6; epoch++) {
        run(loader.epoch(EpochOrder.all(300), epoch, 0));
        assertThat(directBytes()).isLessThanOrEqualTo(bytes);
      }
    }
  }

  @Test
  void aBatchIsLimitedByTheRowsThatAnEpochHas() {
    ImageSet huge = new Tall(1 << 20);
    try (BatchLoader loader = loader(huge, Augmentation.NONE, 4096)) {
      assertThatThrownBy(() -> loader.epoch(EpochOrder.all(2048), 0, 0))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("does not fit");
      assertThat(loader.epoch(EpochOrder.all(2), 0, 0).hasNext()).isTrue();
    }
  }

  /** 4096 black images of {@code pixels} x 1 pixels. */
  private record Tall(int pixels) implements ImageSet {
    @Override
    public int size() {
      return 4096;
    }

    @Override
    public int channels() {
      return 3;
    }

    @Override
    public int height() {
      return pixels;
    }

    @Override
    public int width() {
      return 1;
    }

    @Override
    public int label(int index) {
      return 0;
    }

    @Override
    public void read(int index, byte[] dst, int offset) {}
  }

  @Test
  void closingNeverWaitsForAPartThatNobodyPrepares() {
    // Small batches: the background is between two parts, where it looks for the next, at many of
    // the closings.
    assertTimeoutPreemptively(
        Duration.ofMinutes(5),
        () -> {
          for (int round = 0; round < 300; round++) {
            try (BatchLoader loader = loader(data.train(), Augmentation.NONE, 1 + round % 3)) {
              loader.epoch(EpochOrder.all(300), 0, 0);
              for (int spin = 0; spin < round % 100; spin++) {
                Thread.onSpinWait();
              }
            }
          }
        });
  }

  @Test
  void aBackgroundFailureReachesTheCaller() {
    ImageSet broken =
        new ImageSet() {
          @Override
          public int size() {
            return 100;
          }

          @Override
          public int channels() {
            return 3;
          }

          @Override
          public int height() {
            return 2;
          }

          @Override
          public int width() {
            return 2;
          }

          @Override
          public int label(int index) {
            return 0;
          }

          @Override
          public void read(int index, byte[] dst, int offset) {
            if (index == 25) {
              throw new InputException("image 25 of x.bin is damaged");
            }
          }
        };
    try (BatchLoader loader = loader(broken, Augmentation.NONE, 10)) {
      Iterator<Batch> batches = loader.epoch(EpochOrder.all(100), 0, 0);
      try (PointerScope scope = new PointerScope()) {
        batches.next();
        batches.next();
        assertThatThrownBy(batches::next)
            .isInstanceOf(InputException.class)
            .hasMessage("image 25 of x.bin is damaged");
        // The batches after it would go with the wrong positions.
        assertThat(batches.hasNext()).isTrue();
        assertThatThrownBy(batches::next)
            .isInstanceOf(IllegalStateException.class)
            .hasMessage("the epoch ended with a failure");
      }
    }
  }

  @Test
  void refusesMisuse() {
    BatchLoader loader = loader(data.train(), Augmentation.NONE, 10);
    assertThatThrownBy(() -> loader.epoch(EpochOrder.of(new int[] {2000}), 0, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("index 2000, but there are 2000 images");
    Iterator<Batch> batches = loader.epoch(EpochOrder.all(10), 0, 0);
    assertThatThrownBy(batches::next)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("PointerScope");
    loader.close();
    loader.close();
    try (PointerScope scope = new PointerScope()) {
      assertThatThrownBy(batches::next).hasMessageContaining("closed");
    }
    assertThatThrownBy(() -> loader.epoch(EpochOrder.all(10), 0, 0)).hasMessageContaining("closed");
    assertThatThrownBy(() -> loader(data.train(), Augmentation.NONE, 0))
        .hasMessageContaining("batch size 0");
    assertThatThrownBy(
            () ->
                new BatchLoader(
                    data.train(), Normalization.MNIST, Augmentation.NONE, 1, ComputeDevice.CPU))
        .hasMessageContaining("normalisation has 1 channels, images 3");
    assertThatThrownBy(() -> new EpochOrder(new int[2], new byte[1]))
        .hasMessageContaining("2 indices, but 1 forget flags");
  }

  @Test
  void shufflingKeepsEachImageWithItsFlag() {
    EpochOrder order = EpochOrder.of(new int[] {10, 11, 12}, new int[] {1, 2, 3, 4, 5});
    EpochOrder shuffled = order.shuffled(1, 0);
    for (int i = 0; i < shuffled.size(); i++) {
      assertThat(shuffled.isForget()[i]).isEqualTo((byte) (shuffled.indices()[i] >= 10 ? 1 : 0));
    }
    assertThat(Arrays.stream(shuffled.indices()).sorted().toArray())
        .containsExactly(1, 2, 3, 4, 5, 10, 11, 12);
    assertThat(order.indices()).startsWith(10, 11, 12);
  }

  @Test
  void permutationsFollowFromSeedAndEpochAndAreEven() {
    int[] first = EpochOrder.permutation(1000, 5, 0);
    assertThat(EpochOrder.permutation(1000, 5, 0)).isEqualTo(first);
    assertThat(EpochOrder.permutation(1000, 5, 1)).isNotEqualTo(first);
    assertThat(EpochOrder.permutation(1000, 6, 0)).isNotEqualTo(first);
    // Each of the 24 orders of 4 equally often: chi-square with 23 degrees of freedom, p = 1e-4.
    int draws = 24_000;
    int[] counts = new int[256];
    for (int epoch = 0; epoch < draws; epoch++) {
      int[] p = EpochOrder.permutation(4, 5, epoch);
      counts[p[0] * 64 + p[1] * 16 + p[2] * 4 + p[3]]++;
    }
    double chiSquare = 0;
    int orders = 0;
    for (int count : counts) {
      if (count > 0) {
        orders++;
        chiSquare += (count - 1000.0) * (count - 1000.0) / 1000.0;
      }
    }
    assertThat(orders).isEqualTo(24);
    assertThat(chiSquare).isLessThan(56.0);
  }
}
