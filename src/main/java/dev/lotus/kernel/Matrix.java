package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.ShortPointer;

/**
 * A row-major matrix in native memory that somebody else owns: row b starts at element {@code b *
 * stride}.
 *
 * @param data first element
 * @param rows B, at least 0
 * @param cols C, at least 1
 * @param stride elements from one row to the next, at least {@code cols}
 * @param dtype element type
 * @param device {@link #CPU} or a CUDA device index; all operands of a call live on one device
 */
public record Matrix(Pointer data, long rows, long cols, long stride, DType dtype, int device) {
  /** The device of host memory. */
  public static final int CPU = Lotus.LOTUS_CPU;

  /**
   * @throws IllegalArgumentException if a size is out of range or, where the pointer knows its
   *     capacity, the memory is too small
   */
  public Matrix {
    if (rows < 0 || cols < 1 || stride < cols) {
      throw new IllegalArgumentException(
          "a matrix needs rows >= 0, cols >= 1 and stride >= cols; these are rows "
              + rows
              + ", cols "
              + cols
              + ", stride "
              + stride);
    }
    Kernels.given("dtype", dtype);
    if (rows > 0 && (data == null || data.isNull())) {
      throw new IllegalArgumentException(
          "a matrix of " + rows + " x " + cols + " has no memory (null)");
    }
    if (rows > 0) {
      long needed;
      try {
        needed = Math.addExact(Math.multiplyExact(rows - 1, stride), cols);
        Math.multiplyExact(needed, dtype.bytes());
      } catch (ArithmeticException e) {
        throw new IllegalArgumentException(
            "a matrix of " + rows + " x " + cols + ", stride " + stride + ", is beyond 2^63 bytes",
            e);
      }
      Kernels.requireBytes(
          "a matrix of " + rows + " x " + cols + ", stride " + stride, data, needed, dtype);
    }
  }

  /** Host floats, rows one after the other. */
  public static Matrix of(FloatPointer data, long rows, long cols) {
    return of(data, rows, cols, cols);
  }

  /** Host floats with a row stride. */
  public static Matrix of(FloatPointer data, long rows, long cols, long stride) {
    return new Matrix(data, rows, cols, stride, DType.FLOAT32, CPU);
  }

  /** Host IEEE half with a row stride. */
  public static Matrix ofFloat16(ShortPointer data, long rows, long cols, long stride) {
    return new Matrix(data, rows, cols, stride, DType.FLOAT16, CPU);
  }

  /** Host bfloat16 (the upper 16 bits of a float) with a row stride. */
  public static Matrix ofBfloat16(ShortPointer data, long rows, long cols, long stride) {
    return new Matrix(data, rows, cols, stride, DType.BFLOAT16, CPU);
  }

  /** {@code FLOAT32[B, C] on cpu}. */
  public String describe() {
    return dtype
        + "["
        + rows
        + ", "
        + cols
        + "]"
        + (stride == cols ? "" : " stride " + stride)
        + (device == CPU ? " on cpu" : " on cuda:" + device);
  }
}
