package dev.lotus.bench;

import dev.lotus.device.NativeScope;
import dev.lotus.kernel.Resize;
import dev.lotus.kernel.Resize.Picture;
import dev.lotus.kernel.Resize.Window;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.InterpolateFuncOptions;
import org.bytedeco.pytorch.LongVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.kBilinear;

/**
 * Decoded pictures to a network's input, as for ImageNet: the short side of 375 to 256, others in
 * proportion, and the middle seven eighths of it, one picture after the other. Eager is libtorch's
 * antialiased resize of the whole batch (of bytes where it has that, on the CPU), then the crop; it
 * shares the batch among its threads, where a picture here is its caller's.
 */
final class ResizeBenchmark implements KernelBenchmark {
  /** One level a pass, of 255. */
  private static final double TOLERANCE = 2.0 / 255;

  private final BenchMemory memory;
  private final int count;
  private final int channels;
  private final int height;
  private final int width;
  private final Window window;
  private final Tensor pictures;
  private final Tensor out;
  private final Pointer stream;

  ResizeBenchmark(BenchShape shape, BenchMemory memory) {
    this.memory = memory;
    count = (int) shape.sides()[0];
    channels = (int) shape.sides()[1];
    height = (int) shape.sides()[2];
    width = (int) shape.sides()[3];
    int shortSide = Math.max(1, Math.min(height, width) * 256 / 375);
    int toHeight = (int) ((long) shortSide * height / Math.min(height, width));
    int toWidth = (int) ((long) shortSide * width / Math.min(height, width));
    int side = Math.max(1, shortSide * 7 / 8);
    window = new Window(toHeight, toWidth, (toHeight - side) / 2, (toWidth - side) / 2, side, side);
    pictures =
        memory.keep(
            () ->
                torch
                    .randint(256, new long[] {count, height, width, channels})
                    .to(ScalarType.Byte));
    out = memory.zeros(ScalarType.Byte, count, channels, side, side);
    stream = memory.stream();
  }

  /** Each picture is read, the windows written. */
  @Override
  public long bytes() {
    long inPixels = (long) height * width;
    return count * channels * (inPixels + (long) window.height() * window.width());
  }

  @Override
  public void fused(int turn) {
    BytePointer from = BenchMemory.bytes(pictures);
    BytePointer to = BenchMemory.bytes(out);
    long planes = (long) channels * window.height() * window.width();
    long line = (long) width * channels;
    for (int i = 0; i < count; i++) {
      Resize.run(
          new Picture(
              from.getPointer(i * line * height),
              height,
              width,
              channels,
              line,
              memory.device.nativeIndex()),
          false,
          window,
          to.getPointer(i * planes),
          stream);
    }
  }

  @Override
  public List<Peer> peers() {
    return List.of(
        new Peer(
            "eager",
            turn -> {
              try (NativeScope scope = new NativeScope()) {
                eager();
              }
            }));
  }

  private Tensor eager() {
    InterpolateFuncOptions options = new InterpolateFuncOptions();
    options.size().put(new LongVector(window.resizedHeight(), window.resizedWidth()));
    options.mode().put(new kBilinear());
    options.align_corners().put(false);
    options.antialias().put(true);
    Tensor batch = pictures.permute(0, 3, 1, 2);
    boolean bytes = !memory.device.cuda();
    Tensor resized = torch.interpolate(bytes ? batch : batch.to(ScalarType.Float), options);
    Tensor cut =
        resized.narrow(2, window.top(), window.height()).narrow(3, window.left(), window.width());
    return (bytes ? cut : cut.round().to(ScalarType.Byte)).contiguous();
  }

  @Override
  public List<Agreement> agreements() {
    try (NativeScope scope = new NativeScope()) {
      fused(0);
      return List.of(
          new Agreement(
              "windows", BenchMemory.values(out), BenchMemory.values(eager()), TOLERANCE));
    }
  }

  @Override
  public void close() {
    memory.close();
  }
}
