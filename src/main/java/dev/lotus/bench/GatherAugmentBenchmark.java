package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.GatherAugment;
import dev.lotus.kernel.GatherAugment.Draws;
import dev.lotus.kernel.GatherAugment.Images;
import dev.lotus.kernel.GatherAugment.Layout;
import dev.lotus.kernel.GatherAugment.Output;
import dev.lotus.kernel.GatherAugment.PadMode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A training batch from uint8 images in memory: gather, random crop, flip, normalise. Small images
 * are padded by 4 and cropped to their own size, large ones to seven eighths, both as published
 * recipes do. Eager gathers and normalises the batch at once, and crops and flips each image, as
 * torchvision's transforms do.
 */
final class GatherAugmentBenchmark implements KernelBenchmark {
  private static final int LARGE_SIDE = 64;
  private static final int INDEX_SETS = 8;
  private static final long RESIDENT_BYTES = 64L << 20;
  private static final float[] MEAN = {0.485f, 0.456f, 0.406f, 0.5f};
  private static final float[] STD = {0.229f, 0.224f, 0.225f, 0.25f};

  private final BenchMemory memory;
  private final long rows;
  private final int channels;
  private final int height;
  private final int width;
  private final int cropHeight;
  private final int cropWidth;
  private final int padding;
  private final Tensor images;
  private final List<Tensor> indices = new ArrayList<>();
  private final Tensor mean;
  private final Tensor std;
  private final Tensor out;
  private final GatherAugment fused;
  private final Images source;
  private final Output output;
  private final Pointer stream;

  GatherAugmentBenchmark(BenchShape shape, BenchMemory memory) {
    this.memory = memory;
    rows = shape.sides()[0];
    channels = (int) shape.sides()[1];
    height = (int) shape.sides()[2];
    width = (int) shape.sides()[3];
    boolean large = Math.max(height, width) > LARGE_SIDE;
    cropHeight = large ? height * 7 / 8 : height;
    cropWidth = large ? width * 7 / 8 : width;
    padding = large ? 0 : 4;
    long count = Math.max(rows, RESIDENT_BYTES / shape.cols());
    images =
        memory.keep(
            () ->
                torch
                    .randint(256, new long[] {count, channels, height, width})
                    .to(ScalarType.Byte));
    for (int set = 0; set < INDEX_SETS; set++) {
      indices.add(memory.labels(count, rows));
    }
    mean = perChannel(MEAN);
    std = perChannel(STD);
    out = memory.zeros(BenchMemory.scalarType(memory.dtype), rows, channels, cropHeight, cropWidth);
    fused =
        new GatherAugment(
            cropHeight,
            cropWidth,
            padding,
            PadMode.ZERO,
            0.5,
            Arrays.copyOf(MEAN, channels),
            Arrays.copyOf(STD, channels));
    source =
        new Images(
            BenchMemory.bytes(images),
            count,
            channels,
            height,
            width,
            Layout.CHANNELS_FIRST,
            memory.device.nativeIndex());
    output =
        new Output(
            out.data_ptr(), cropHeight, cropWidth, Layout.CHANNELS_FIRST, memory.dtype, null);
    stream = memory.stream();
  }

  private Tensor perChannel(float[] values) {
    return memory.keep(() -> torch.tensor(Arrays.copyOf(values, channels)).view(1, channels, 1, 1));
  }

  /** Pixels of the boxes are read, the batch written. */
  @Override
  public long bytes() {
    return rows * channels * cropHeight * cropWidth * (1 + memory.dtype.bytes())
        + rows * Long.BYTES;
  }

  @Override
  public void fused(int turn) {
    fused(turn, Draws.of(7, turn));
  }

  private void fused(int turn, Draws draws) {
    fused.run(source, BenchMemory.longs(indicesOf(turn)), rows, draws, output, stream);
  }

  private Tensor indicesOf(int turn) {
    return indices.get(Math.floorMod(turn, INDEX_SETS));
  }

  @Override
  public List<Peer> peers() {
    return List.of(
        new Peer(
            "eager",
            turn -> {
              try (NativeScope scope = new NativeScope()) {
                eager(turn, new Boxes(turn));
              }
            }));
  }

  /** Where each image is cropped, and whether it is mirrored. */
  private final class Boxes {
    final int[] top = new int[(int) rows];
    final int[] left = new int[(int) rows];
    final boolean[] flip = new boolean[(int) rows];

    Boxes(long seed) {
      Random random = new Random(seed);
      for (int b = 0; b < rows; b++) {
        top[b] = random.nextInt(height + 2 * padding - cropHeight + 1) - padding;
        left[b] = random.nextInt(width + 2 * padding - cropWidth + 1) - padding;
        flip[b] = random.nextBoolean();
      }
    }
  }

  private Tensor eager(int turn, Boxes boxes) {
    Tensor batch = images.index_select(0, indicesOf(turn));
    if (padding > 0) {
      batch = torch.constant_pad_nd(batch, padding, padding, padding, padding);
    }
    Tensor[] cropped = new Tensor[(int) rows];
    for (int b = 0; b < rows; b++) {
      Tensor one =
          batch
              .select(0, b)
              .narrow(1, boxes.top[b] + padding, cropHeight)
              .narrow(2, boxes.left[b] + padding, cropWidth);
      cropped[b] = boxes.flip[b] ? one.flip(2) : one;
    }
    return torch
        .stack(new TensorVector(cropped))
        .to(ScalarType.Float)
        .div_(new Scalar(255.0))
        .sub_(mean)
        .div_(std)
        .to(BenchMemory.scalarType(memory.dtype));
  }

  @Override
  public List<Agreement> agreements() {
    try (NativeScope scope = new NativeScope()) {
      Boxes boxes = new Boxes(1);
      int[] given = new int[(int) rows * 4];
      byte[] flips = new byte[(int) rows];
      for (int b = 0; b < rows; b++) {
        given[4 * b] = boxes.top[b];
        given[4 * b + 1] = boxes.left[b];
        given[4 * b + 2] = cropHeight;
        given[4 * b + 3] = cropWidth;
        flips[b] = (byte) (boxes.flip[b] ? 1 : 0);
      }
      Tensor boxTensor = onDevice(torch.tensor(given));
      Tensor flipTensor = onDevice(torch.tensor(flips));
      IntPointer boxPointer = BenchMemory.ints(boxTensor);
      fused(0, new Draws(0, 0, null, boxPointer, BenchMemory.bytes(flipTensor)));
      return List.of(
          new Agreement(
              "batch",
              BenchMemory.values(out),
              BenchMemory.values(eager(0, boxes)),
              memory.tolerance()));
    }
  }

  private Tensor onDevice(Tensor tensor) {
    return tensor.to(memory.device.torch(), tensor.scalar_type());
  }

  @Override
  public void close() {
    memory.close();
  }
}
