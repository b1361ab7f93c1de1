package dev.lotus.kernel;

import dev.lotus.kernel.binding.Lotus;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;

/** What the operations share: which backends there are, argument checks, errors, the call log. */
public final class Kernels {
  /** {@code -Dlotus.log=calls} prints each call with its shapes, before it is made. */
  private static final boolean LOG_CALLS = "calls".equals(System.getProperty("lotus.log"));

  private Kernels() {}

  /** Version of the native library. */
  public static String version() {
    return Lotus.lotus_version().getString();
  }

  /** Instruction set that the CPU kernels run at, such as {@code x86-64-v4}. */
  public static String cpuLevel() {
    return Lotus.lotus_cpu_level().getString();
  }

  /** Why no kernel can run on that device, or "" if they can. */
  public static String unavailableReason(int device) {
    return Lotus.lotus_backend_reason(device).getString();
  }

  /**
   * Most threads a CPU call may use in this process; 0 = OpenMP's setting. Results do not depend on
   * it, bit for bit.
   *
   * @throws IllegalArgumentException if negative
   */
  public static void setNumThreads(int threads) {
    if (threads < 0) {
      throw new IllegalArgumentException("threads is " + threads + "; it must be 0 or more");
    }
    check("lotus_set_num_threads", Lotus.lotus_set_num_threads(threads));
  }

  static void check(String symbol, int status) {
    if (status == Lotus.LOTUS_OK) {
      return;
    }
    String text = Lotus.lotus_last_error().getString();
    if (status == Lotus.LOTUS_INVALID_ARGUMENT) {
      throw new IllegalArgumentException(text);
    }
    throw new KernelException(symbol, status, text);
  }

  static void log(String operation, Matrix... operands) {
    if (!LOG_CALLS) {
      return;
    }
    StringBuilder line = new StringBuilder("lotus: ").append(operation);
    for (Matrix operand : operands) {
      line.append(' ').append(operand == null ? "-" : operand.describe());
    }
    System.err.println(line);
  }

  static void log(String operation, TensorList tensors) {
    if (LOG_CALLS) {
      System.err.println("lotus: " + operation + " " + tensors.describe());
    }
  }

  /** An operand that must be there; operations say which may be null. */
  static <T> T given(String name, T operand) {
    if (operand == null) {
      throw new IllegalArgumentException(name + " is null");
    }
    return operand;
  }

  static void logMove(String operation, Record from, Record to) {
    if (LOG_CALLS) {
      System.err.println("lotus: " + operation + " " + from + " to " + to);
    }
  }

  /** The product of sizes, which must be one that memory can have. */
  static long elements(String name, long... sizes) {
    long product = 1;
    try {
      for (long size : sizes) {
        product = Math.multiplyExact(product, size);
      }
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          name + " would have the product of " + java.util.Arrays.toString(sizes) + " elements", e);
    }
    return product;
  }

  static void requireFinite(String name, double value) {
    if (!Double.isFinite(value)) {
      throw new IllegalArgumentException(name + " is " + value + "; it must be finite");
    }
  }

  static void requireNotNegative(String name, double value) {
    if (!(value >= 0) || !Double.isFinite(value)) {
      throw new IllegalArgumentException(
          name + " is " + value + "; it must be finite and at least 0");
    }
  }

  /** A momentum or decay rate. */
  static void requireRate(String name, double value) {
    if (!(value >= 0 && value < 1)) {
      throw new IllegalArgumentException(
          name + " is " + value + "; it must be at least 0 and below 1");
    }
  }

  /** The second operand agrees with the first in shape and device, and is of that type. */
  static void requireLike(String name, Matrix a, String firstName, Matrix first, DType dtype) {
    given(name, a);
    if (a.rows() != first.rows() || a.cols() != first.cols()) {
      throw new IllegalArgumentException(
          name
              + " is "
              + a.describe()
              + ", but "
              + firstName
              + " is "
              + first.describe()
              + ": shapes must agree");
    }
    if (a.device() != first.device()) {
      throw new IllegalArgumentException(
          name
              + " is "
              + a.describe()
              + ", but "
              + firstName
              + " is "
              + first.describe()
              + ": devices must agree");
    }
    if (a.dtype() != dtype) {
      throw new IllegalArgumentException(
          name + " is " + a.describe() + "; its type must be " + dtype);
    }
  }

  static void require(String name, Pointer pointer, long needed) {
    if (pointer == null || pointer.isNull()) {
      throw new IllegalArgumentException(name + " is null");
    }
    requireRoom(name, pointer, needed);
  }

  /**
   * Memory that knows its size must hold {@code needed} elements of that type, and start at its
   * first: native code counts the position of an untyped pointer in bytes.
   */
  static void requireBytes(String what, Pointer pointer, long needed, DType dtype) {
    if (pointer == null) {
      return;
    }
    if (pointer.position() != 0) {
      throw new IllegalArgumentException(
          what
              + ": its memory is at position "
              + pointer.position()
              + "; pass pointer.getPointer(position), whose position is 0");
    }
    if (pointer.capacity() > 0 && pointer.limit() * pointer.sizeof() / dtype.bytes() < needed) {
      throw new IllegalArgumentException(
          what
              + ", needs "
              + needed
              + " elements; the memory holds "
              + pointer.limit() * pointer.sizeof() / dtype.bytes());
    }
  }

  /** Null is allowed; memory that knows its size must hold {@code needed} elements. */
  static void requireRoom(String name, Pointer pointer, long needed) {
    if (pointer != null
        && pointer.capacity() > 0
        && pointer.limit() - pointer.position() < needed) {
      throw new IllegalArgumentException(
          name
              + " holds "
              + (pointer.limit() - pointer.position())
              + " elements; "
              + needed
              + " are needed");
    }
  }

  /** The value as fp32, in which it must still be positive and finite. */
  static float requirePositive(String name, double value) {
    float x = (float) value;
    if (!(x > 0) || Float.isInfinite(x)) {
      throw new IllegalArgumentException(
          name + " is " + value + "; it must be positive and finite");
    }
    return x;
  }

  /** A Philox stream, a byte of the counter. */
  static void requireStreamId(int streamId) {
    if (streamId < 0 || streamId > 255) {
      throw new IllegalArgumentException("stream_id is " + streamId + "; it must be 0 to 255");
    }
  }

  /** {@link #requireRoom} for the usual pair of outputs. */
  static void requireRoom(long rows, FloatPointer loss, LongPointer nonfiniteRows) {
    requireRoom("loss", loss, rows);
    requireRoom("nonfinite_rows", nonfiniteRows, 1);
  }
}
