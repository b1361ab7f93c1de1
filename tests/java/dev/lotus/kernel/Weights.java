package dev.lotus.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.ShortPointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * A list of tensors on a backend for the tests of the operations on the weights. Each field of all
 * tensors lies in one buffer, one element in front of each tensor, so that most starts are not
 * aligned. Values are those of all tensors, one after the other.
 */
final class Weights implements AutoCloseable {
  /** Nothing, one element, around vectors and chunks. */
  static final int[] ODD = {1, 3, 0, 8, 31, 257, 1001, 1, 4097, 0, 100};

  /** More tensors than a launch takes. */
  static final int[] MANY = many();

  final Tensor weight;
  final Tensor gradient;
  final Tensor first;
  final Tensor second;
  final Tensor mask;
  final Tensor shadow;
  final TensorList list;
  private final Backend backend;
  private final int[] counts;
  private final int span;

  /** What a list holds; null fields are absent. */
  record Values(float[] weight, float[] gradient, float[] first, float[] second, byte[] mask) {}

  Weights(Backend backend, int[] counts, DType gradientType, Values values, boolean shadowed) {
    this.backend = backend;
    this.counts = counts;
    int at = 0;
    for (int count : counts) {
      at += count + 1;
    }
    span = Math.max(1, at);
    weight = values.weight == null ? null : backend.floats(spread(values.weight));
    first = values.first == null ? null : backend.floats(spread(values.first));
    second = values.second == null ? null : backend.floats(spread(values.second));
    gradient = values.gradient == null ? null : typed(values.gradient, gradientType);
    mask = values.mask == null ? null : backend.bytes(spread(values.mask));
    shadow = shadowed ? backend.floats(new float[span]).to(torch.ScalarType.BFloat16) : null;
    List<TensorList.Entry> entries = new ArrayList<>();
    long start = 0;
    for (int count : counts) {
      start++;
      entries.add(
          new TensorList.Entry(
              floats(weight, start),
              gradient == null ? null : place(gradient, start, gradientType.bytes()),
              floats(first, start),
              floats(second, start),
              mask == null ? null : new BytePointer(place(mask, start, 1)),
              shadow == null ? null : new ShortPointer(place(shadow, start, 2)),
              count));
      start += count;
    }
    list = new TensorList(entries, gradientType, backend.device());
  }

  static int total(int[] counts) {
    int total = 0;
    for (int count : counts) {
      total += count;
    }
    return total;
  }

  static float[] normals(int n, double spread, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      double radius = Math.sqrt(-2 * Math.log(1 - random.nextDouble()));
      x[i] = (float) (spread * radius * Math.cos(2 * Math.PI * random.nextDouble()));
    }
    return x;
  }

  static float[] magnitudes(int n, double spread, long seed) {
    float[] x = normals(n, spread, seed);
    for (int i = 0; i < n; i++) {
      x[i] = Math.abs(x[i]);
    }
    return x;
  }

  /** Other fp32 gradients, where the old ones lie. */
  void setGradient(float[] values) {
    gradient.copy_(backend.floats(spread(values)));
  }

  /** The elements of all tensors, without what lies between, which must be untouched. */
  float[] values(Tensor field) {
    float[] all = Backend.hostFloats(field.to(torch.ScalarType.Float));
    float[] out = new float[total(counts)];
    int from = 0;
    int to = 0;
    for (int count : counts) {
      if (all[from] != 0) {
        throw new AssertionError("something before a tensor was written: " + all[from]);
      }
      System.arraycopy(all, from + 1, out, to, count);
      from += count + 1;
      to += count;
    }
    return out;
  }

  @Override
  public void close() {
    list.close();
  }

  private float[] spread(float[] values) {
    float[] out = new float[span];
    int to = 0;
    int from = 0;
    for (int count : counts) {
      System.arraycopy(values, from, out, to + 1, count);
      from += count;
      to += count + 1;
    }
    return out;
  }

  private byte[] spread(byte[] values) {
    byte[] out = new byte[span];
    int to = 0;
    int from = 0;
    for (int count : counts) {
      System.arraycopy(values, from, out, to + 1, count);
      from += count;
      to += count + 1;
    }
    return out;
  }

  private Tensor typed(float[] values, DType dtype) {
    Tensor floats = backend.floats(spread(values));
    return switch (dtype) {
      case FLOAT32 -> floats;
      case BFLOAT16 -> floats.to(torch.ScalarType.BFloat16);
      case FLOAT16 -> floats.to(torch.ScalarType.Half);
    };
  }

  private static FloatPointer floats(Tensor tensor, long at) {
    return tensor == null ? null : Backend.floatsAt(tensor).getPointer(at);
  }

  private static Pointer place(Tensor tensor, long at, int bytes) {
    return new BytePointer((Pointer) tensor.data_ptr()).getPointer(at * bytes);
  }

  private static int[] many() {
    int[] counts = new int[1000];
    for (int i = 0; i < counts.length; i++) {
      counts[i] = i * 7 % 13;
    }
    return counts;
  }
}
