package dev.lotus.backbone;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * A convolution of images so small that every output pixel sees every input pixel, as one matrix
 * product. A direct convolution multiplies mostly padding there: of the 36 products of a 3x3
 * kernel's taps with a 2x2 image only 16 are of pixels.
 *
 * <pre>
 *   y[b, (q, o)] = sum over (p, i) of x[b, (p, i)] m[(q, o), (p, i)],   m[(q, o), (p, i)] = weight[o, i, tap(p, q)]
 * </pre>
 *
 * <p>p and q are pixels of input and output. Autograd sums each weight's gradient over the places
 * it has in m, so that the result is the convolution's own up to the order of its sums.
 */
final class DenseConvolution {
  private final int kernel;
  private final int stride;
  private final int padding;
  private final int outputs;
  private long height;
  private long width;
  private long[] rows;

  DenseConvolution(int kernel, int stride, int padding, int outputs) {
    this.kernel = kernel;
    this.stride = stride;
    this.padding = padding;
    this.outputs = outputs;
  }

  /** Whether every output pixel sees all of an image of this size. */
  boolean fits(long imageHeight, long imageWidth) {
    return kernel > 1 && spans(imageHeight) && spans(imageWidth);
  }

  private boolean spans(long size) {
    long lastStart = (outputSize(size) - 1) * stride - padding;
    return padding >= 0 && lastStart <= 0 && kernel - padding >= size;
  }

  private long outputSize(long size) {
    return (size + 2L * padding - kernel) / stride + 1;
  }

  /**
   * The convolution.
   *
   * @param x [B, I, H, W] of a size that {@link #fits}
   * @param weight [O, I, kernel, kernel]
   * @return [B, O, H', W'] in channels-last order
   */
  Tensor apply(Tensor x, Tensor weight) {
    long inputs = x.size(1);
    if (x.size(2) != height || x.size(3) != width) {
      height = x.size(2);
      width = x.size(3);
      rows = rows();
    }
    long pixels = height * width;
    long down = outputSize(height);
    long across = outputSize(width);
    Tensor taps = weight.permute(0, 2, 3, 1).reshape((long) outputs * kernel * kernel, inputs);
    Tensor matrix =
        taps.index_select(0, torch.tensor(rows)).view(down * across * outputs, pixels * inputs);
    Tensor flat = x.permute(0, 2, 3, 1).reshape(x.size(0), pixels * inputs);
    return torch
        .linear(flat, matrix, new TensorOptional())
        .view(x.size(0), down, across, outputs)
        .permute(0, 3, 1, 2);
  }

  /** For each (q, o, p) the row of the weights' taps, which are ordered by (o, tap). */
  private long[] rows() {
    long down = outputSize(height);
    long across = outputSize(width);
    long[] all = new long[Math.toIntExact(down * across * outputs * height * width)];
    int next = 0;
    for (long q = 0; q < down * across; q++) {
      for (long o = 0; o < outputs; o++) {
        for (long p = 0; p < height * width; p++) {
          long tapDown = p / width - q / across * stride + padding;
          long tapAcross = p % width - q % across * stride + padding;
          all[next++] = (o * kernel + tapDown) * kernel + tapAcross;
        }
      }
    }
    return all;
  }
}
