package dev.lotus.bench;

import dev.lotus.device.CudaException;
import dev.lotus.device.CudaLibraries;
import dev.lotus.device.CudaStream;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.cudnn.cudnnTensorStruct;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/**
 * cuDNN's log-softmax of a [rows, cols] fp32 matrix and its gradient: what NVIDIA's own library
 * needs for the part of a loss that it has, as a peer of the fused kernels.
 *
 * <pre>
 *   forward    y = log softmax(x)                  CUDNN_SOFTMAX_LOG
 *   backward   dx = dy - exp(y) sum_c dy_c
 * </pre>
 *
 * <p>Needs a GPU, libcudnn.so.9 and the build with {@code -Pcuda}, whose class path holds the
 * presets' native part. The matrix is an NCHW tensor of rows x cols x 1 x 1 with the softmax over
 * its channels. All pointers are memory of the device that was current when the object was made.
 * Calls queue on the stream that was set, or the default one, and return at once.
 */
public final class CudnnSoftmax implements AutoCloseable {
  private final FloatPointer one = new FloatPointer(1).put(1);
  private final FloatPointer zero = new FloatPointer(1).put(0);
  private cudnnContext handle;
  private cudnnTensorStruct matrix;

  /**
   * @throws dev.lotus.device.InputException where there is no usable GPU or cuDNN does not load
   * @throws CudaException if cuDNN refuses
   */
  public CudnnSoftmax(int rows, int cols) {
    try {
      CudaLibraries.requireCudnn();
      cudnnContext created = new cudnnContext();
      check("cudnnCreate", cudnn.cudnnCreate(created));
      handle = created;
      cudnnTensorStruct descriptor = new cudnnTensorStruct();
      check("cudnnCreateTensorDescriptor", cudnn.cudnnCreateTensorDescriptor(descriptor));
      matrix = descriptor;
      check(
          "cudnnSetTensor4dDescriptor",
          cudnn.cudnnSetTensor4dDescriptor(
              matrix, cudnn.CUDNN_TENSOR_NCHW, cudnn.CUDNN_DATA_FLOAT, rows, cols, 1, 1));
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /** Later calls queue there. */
  public void setStream(CudaStream stream) {
    check("cudnnSetStream", cudnn.cudnnSetStream(handle, new CUstream_st(stream.pointer())));
  }

  /**
   * @param x [rows, cols] logits
   * @param y [rows, cols] log-probabilities; may be {@code x}
   */
  public void forward(Pointer x, Pointer y) {
    check(
        "cudnnSoftmaxForward",
        cudnn.cudnnSoftmaxForward(
            handle,
            cudnn.CUDNN_SOFTMAX_LOG,
            cudnn.CUDNN_SOFTMAX_MODE_CHANNEL,
            one,
            matrix,
            x,
            zero,
            matrix,
            y));
  }

  /**
   * @param y [rows, cols], of {@link #forward}
   * @param dy [rows, cols] gradient of the log-probabilities
   * @param dx [rows, cols] gradient of the logits; may be {@code dy}
   */
  public void backward(Pointer y, Pointer dy, Pointer dx) {
    check(
        "cudnnSoftmaxBackward",
        cudnn.cudnnSoftmaxBackward(
            handle,
            cudnn.CUDNN_SOFTMAX_LOG,
            cudnn.CUDNN_SOFTMAX_MODE_CHANNEL,
            one,
            matrix,
            y,
            matrix,
            dy,
            zero,
            matrix,
            dx));
  }

  private static void check(String call, int status) {
    if (status != cudnn.CUDNN_STATUS_SUCCESS) {
      throw new CudaException(call, status, cudnn.cudnnGetErrorString(status).getString());
    }
  }

  @Override
  public void close() {
    one.close();
    zero.close();
    cudnnTensorStruct descriptor = matrix;
    cudnnContext context = handle;
    matrix = null;
    handle = null;
    if (descriptor != null) {
      cudnn.cudnnDestroyTensorDescriptor(descriptor);
    }
    if (context != null) {
      check("cudnnDestroy", cudnn.cudnnDestroy(context));
    }
  }
}
