package dev.lotus.bench;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.NativeScope;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.Matrix;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * The tensors of one benchmark: made on its device, kept until it is closed, seen by the kernels
 * where libtorch put them, so that both sides read the same memory.
 */
final class BenchMemory implements AutoCloseable {
  /** Inputs of at least this size are taken in turn; smaller ones are in the cache in use, too. */
  static final long LARGE = 8L << 20;

  /** What all inputs together exceed then: twice the last-level cache of a large processor. */
  private static final long BEYOND_CACHES = 64L << 20;

  final ComputeDevice device;
  final DType dtype;
  private final List<Pointer> owned = new ArrayList<>();

  BenchMemory(DType dtype, ComputeDevice device) {
    this.dtype = dtype;
    this.device = device;
    torch.manual_seed(1);
  }

  /** How many sets of inputs of that size are taken in turn. */
  static int sets(long bytes) {
    return bytes < LARGE ? 1 : (int) Math.max(1, (BEYOND_CACHES + bytes - 1) / bytes);
  }

  /** What {@code make} makes, on the device, until {@link #close}. */
  Tensor keep(Supplier<Tensor> make) {
    try (NativeScope scope = new NativeScope()) {
      Tensor tensor = make.get();
      Tensor placed = device.cuda() ? tensor.to(device.torch(), tensor.scalar_type()) : tensor;
      owned.add(NativeScope.own(placed));
      return placed;
    }
  }

  /** Normal numbers of this standard deviation, in the benchmark's type. */
  Tensor normal(double deviation, long... sizes) {
    return keep(() -> torch.randn(sizes).mul(new Scalar(deviation)).to(scalarType(dtype)));
  }

  Tensor zeros(ScalarType type, long... sizes) {
    return keep(() -> torch.zeros(sizes).to(type));
  }

  /** Whole numbers of [0, below). */
  Tensor labels(long below, long count) {
    return keep(() -> torch.randint(below, new long[] {count}).to(ScalarType.Long));
  }

  static ScalarType scalarType(DType dtype) {
    return switch (dtype) {
      case FLOAT32 -> ScalarType.Float;
      case BFLOAT16 -> ScalarType.BFloat16;
      case FLOAT16 -> ScalarType.Half;
    };
  }

  /** What rounding leaves between two orders of the same operations in the benchmark's type. */
  double tolerance() {
    return switch (dtype) {
      case FLOAT32 -> 2e-5;
      case FLOAT16 -> 1e-2;
      case BFLOAT16 -> 6e-2;
    };
  }

  /** A contiguous [B, C] tensor of the benchmark's type. */
  Matrix matrix(Tensor tensor) {
    return matrix(tensor, dtype);
  }

  Matrix matrix(Tensor tensor, DType type) {
    long cols = tensor.size(1);
    return new Matrix(tensor.data_ptr(), tensor.size(0), cols, cols, type, device.nativeIndex());
  }

  static FloatPointer floats(Tensor tensor) {
    return new FloatPointer(tensor.data_ptr());
  }

  static DoublePointer doubles(Tensor tensor) {
    return new DoublePointer(tensor.data_ptr());
  }

  static LongPointer longs(Tensor tensor) {
    return new LongPointer(tensor.data_ptr());
  }

  static IntPointer ints(Tensor tensor) {
    return new IntPointer(tensor.data_ptr());
  }

  static BytePointer bytes(Tensor tensor) {
    return new BytePointer(tensor.data_ptr());
  }

  /** The stream that libtorch uses, so that both sides queue on the same; null on the CPU. */
  Pointer stream() {
    return device.cuda() ? torch_cuda.getCurrentCUDAStream((byte) device.index()).stream() : null;
  }

  /** The values of a tensor of any type. */
  static double[] values(Tensor tensor) {
    try (NativeScope scope = new NativeScope()) {
      Tensor host =
          tensor.detach().to(ComputeDevice.CPU.torch(), ScalarType.Double).contiguous().view(-1);
      double[] values = new double[(int) host.size(0)];
      new DoublePointer(host.data_ptr()).get(values);
      return values;
    }
  }

  @Override
  public void close() {
    owned.forEach(NativeScope::release);
    owned.clear();
  }
}
