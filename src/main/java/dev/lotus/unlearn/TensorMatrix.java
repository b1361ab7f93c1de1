package dev.lotus.unlearn;

import dev.lotus.device.ComputeDevice;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.Matrix;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * Libtorch's tensors as the kernels see memory. The tensor must stay reachable, and in its scope,
 * until the operation is done; on CUDA, both use the current stream.
 */
final class TensorMatrix {
  private TensorMatrix() {}

  /** Logits [B, C], contiguous, fp32, bf16 or fp16. */
  static Matrix of(Tensor logits_BC, ComputeDevice device) {
    DType dtype =
        switch (logits_BC.scalar_type().intern()) {
          case Float -> DType.FLOAT32;
          case BFloat16 -> DType.BFLOAT16;
          case Half -> DType.FLOAT16;
          default ->
              throw new IllegalArgumentException(
                  "logits are "
                      + logits_BC.scalar_type()
                      + "; the kernels take Float, BFloat16 and Half");
        };
    if (logits_BC.dim() != 2 || !logits_BC.is_contiguous()) {
      throw new IllegalArgumentException(
          "logits must be a contiguous matrix, dimensions: " + logits_BC.dim());
    }
    long cols = logits_BC.size(1);
    return new Matrix(
        logits_BC.data_ptr(), logits_BC.size(0), cols, cols, dtype, device.nativeIndex());
  }

  static LongPointer longs(Tensor tensor, long from) {
    return new LongPointer(tensor.data_ptr()).getPointer(from);
  }

  static FloatPointer floats(Tensor tensor, long from) {
    return new FloatPointer(tensor.data_ptr()).getPointer(from);
  }

  static BytePointer bytes(Tensor tensor) {
    return new BytePointer(tensor.data_ptr());
  }

  /** The stream that libtorch queues its work on, so that kernels follow it; null on the CPU. */
  static Pointer stream(ComputeDevice device) {
    return device.cuda() ? torch_cuda.getCurrentCUDAStream((byte) device.index()).stream() : null;
  }
}
