package dev.lotus.kernel;

import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Assumptions;

/**
 * Where a contract runs: libtorch only holds the memory, so that one test serves the CPU and CUDA.
 */
record Backend(String name, int device) {
  static List<Backend> all() {
    return List.of(new Backend("cpu", Matrix.CPU), new Backend("cuda", 0));
  }

  /** Skips the test, with the reason printed, where the backend is absent. */
  void assumeAvailable() {
    String reason = Kernels.unavailableReason(device);
    Assumptions.assumeTrue(reason.isEmpty(), () -> "no " + name + " kernels here: " + reason);
  }

  private Tensor place(Tensor host) {
    return device == Matrix.CPU ? host : host.to(new Device("cuda:" + device), host.scalar_type());
  }

  Tensor floats(float[] x) {
    return place(torch.tensor(x));
  }

  Tensor longs(long[] x) {
    return place(torch.tensor(x));
  }

  Tensor zeroDoubles(int n) {
    return place(torch.zeros(n).to(torch.ScalarType.Double));
  }

  Tensor bytes(byte[] x) {
    return place(torch.tensor(x));
  }

  /**
   * A matrix in {@code dtype} whose rows start {@code stride} elements apart; the gap holds {@code
   * gap}.
   */
  Placed matrix(float[] x, int rows, int cols, int stride, DType dtype, float gap) {
    float[] spread = new float[Math.max(1, rows * stride)];
    java.util.Arrays.fill(spread, gap);
    for (int b = 0; b < rows; b++) {
      System.arraycopy(x, b * cols, spread, b * stride, cols);
    }
    Tensor tensor = torch.tensor(spread);
    if (dtype != DType.FLOAT32) {
      tensor =
          tensor.to(dtype == DType.BFLOAT16 ? torch.ScalarType.BFloat16 : torch.ScalarType.Half);
    }
    tensor = place(tensor);
    return new Placed(tensor, new Matrix(tensor.data_ptr(), rows, cols, stride, dtype, device));
  }

  record Placed(Tensor tensor, Matrix matrix) {
    /** The matrix without its gaps, as floats. */
    float[] values() {
      float[] all = hostFloats(tensor.to(torch.ScalarType.Float));
      float[] out = new float[(int) (matrix.rows() * matrix.cols())];
      for (int b = 0; b < matrix.rows(); b++) {
        System.arraycopy(
            all, (int) (b * matrix.stride()), out, (int) (b * matrix.cols()), (int) matrix.cols());
      }
      return out;
    }

    /** True where the memory between rows still holds only {@code gap}. */
    boolean gapsUntouched(float gap) {
      float[] all = hostFloats(tensor.to(torch.ScalarType.Float));
      for (int i = 0; i < matrix.rows() * matrix.stride(); i++) {
        if (i % matrix.stride() >= matrix.cols() && all[i] != gap) {
          return false;
        }
      }
      return true;
    }
  }

  static float[] hostFloats(Tensor tensor) {
    Tensor host = tensor.cpu().contiguous();
    float[] out = new float[(int) host.numel()];
    new FloatPointer(host.data_ptr_float()).get(out);
    return out;
  }

  static double[] hostDoubles(Tensor tensor) {
    Tensor host = tensor.cpu().contiguous();
    double[] out = new double[(int) host.numel()];
    new DoublePointer(host.data_ptr_double()).get(out);
    return out;
  }

  static long[] hostLongs(Tensor tensor) {
    Tensor host = tensor.cpu().contiguous();
    long[] out = new long[(int) host.numel()];
    new LongPointer(host.data_ptr_long()).get(out);
    return out;
  }

  static FloatPointer floatsAt(Tensor tensor) {
    return new FloatPointer(tensor.data_ptr());
  }

  static LongPointer longsAt(Tensor tensor) {
    return new LongPointer(tensor.data_ptr());
  }

  static DoublePointer doublesAt(Tensor tensor) {
    return new DoublePointer(tensor.data_ptr());
  }

  static BytePointer bytesAt(Tensor tensor) {
    return new BytePointer((Pointer) tensor.data_ptr());
  }

  @Override
  public String toString() {
    return name;
  }
}
