package dev.lotus.kernel;

import dev.lotus.kernel.binding.LotusTensor;
import java.util.List;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.ShortPointer;

/**
 * The parameters of a model as the operations on the weights take them: a native array of {@code
 * lotus_tensor}, built once and used every step. It owns the array, not the tensors' memory, which
 * must outlive it, lie on one device and be contiguous.
 *
 * <p>Not thread safe. Whoever makes it closes it.
 */
public final class TensorList implements AutoCloseable {
  /** The fields of a tensor that an operation may need. */
  enum Field {
    WEIGHT,
    GRADIENT,
    FIRST,
    SECOND,
    MASK
  }

  /**
   * One tensor of {@code count} elements. Each operation says which fields it uses; the others may
   * be null.
   *
   * @param weight fp32 master weights
   * @param gradient in the list's type
   * @param first AdamW: first moment; SGD: momentum buffer; scores and importances
   * @param second AdamW: second moment; SsdDampen: importance on the forget set
   * @param mask a byte an element, 0 or 1
   * @param shadow bf16 copy of the new weights
   * @param count elements, at least 0
   */
  public record Entry(
      FloatPointer weight,
      Pointer gradient,
      FloatPointer first,
      FloatPointer second,
      BytePointer mask,
      ShortPointer shadow,
      long count) {}

  private final LotusTensor tensors;
  private final Entry[] entries;
  private final DType gradientType;
  private final int device;
  private final long elements;

  /** Not told by the array itself, which a scope that was open then may keep. */
  private boolean closed;

  /**
   * @param gradientType element type of the gradients
   * @param device {@link Matrix#CPU} or a CUDA device index
   * @throws IllegalArgumentException if a count is negative or, where a pointer knows its capacity,
   *     its memory is too small
   */
  public TensorList(List<Entry> entries, DType gradientType, int device) {
    this.entries = Kernels.given("entries", entries).toArray(new Entry[0]);
    this.gradientType = Kernels.given("gradient_type", gradientType);
    this.device = device;
    long sum = 0;
    for (int i = 0; i < this.entries.length; i++) {
      Entry e = Kernels.given("tensor " + i, this.entries[i]);
      if (e.count < 0) {
        throw new IllegalArgumentException(
            "the count of tensor " + i + " is " + e.count + "; it must be 0 or more");
      }
      requireRoom(i, "weight", e.weight, e.count);
      requireGradientRoom(i, e.gradient, e.count);
      requireRoom(i, "first", e.first, e.count);
      requireRoom(i, "second", e.second, e.count);
      requireRoom(i, "mask", e.mask, e.count);
      requireRoom(i, "shadow", e.shadow, e.count);
      sum = Math.addExact(sum, e.count);
    }
    elements = sum;
    // Owned here, whatever scope is open.
    tensors = new LotusTensor(Math.max(1, this.entries.length)).retainReference();
    for (int i = 0; i < this.entries.length; i++) {
      Entry e = this.entries[i];
      at(i)
          .weight(e.weight)
          .gradient(e.gradient)
          .first(e.first)
          .second(e.second)
          .mask(e.mask)
          .shadow(e.shadow)
          .count(e.count);
    }
  }

  /** Number of tensors. */
  public int size() {
    return entries.length;
  }

  /** Number of elements of all tensors. */
  public long elements() {
    return elements;
  }

  /**
   * Gives tensor {@code index} another gradient: frameworks that drop gradients between steps
   * allocate new ones.
   *
   * @throws IllegalArgumentException if its memory is known to be too small, there is no such
   *     tensor, or the list is closed
   */
  public void gradient(int index, Pointer gradient) {
    requireOpen();
    if (index < 0 || index >= entries.length) {
      throw new IllegalArgumentException(
          "there is no tensor " + index + " in a list of " + entries.length);
    }
    Entry e = entries[index];
    requireGradientRoom(index, gradient, e.count);
    entries[index] = new Entry(e.weight, gradient, e.first, e.second, e.mask, e.shadow, e.count);
    at(index).gradient(gradient);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      tensors.releaseReference();
    }
  }

  LotusTensor tensors() {
    return tensors.position(0);
  }

  DType gradientType() {
    return gradientType;
  }

  int device() {
    return device;
  }

  /** {@code 62 tensors, 11173962 elements, gradients FLOAT32 on cpu}. */
  String describe() {
    return entries.length
        + " tensors, "
        + elements
        + " elements, gradients "
        + gradientType
        + (device == Matrix.CPU ? " on cpu" : " on cuda:" + device);
  }

  /** Every tensor with elements has these fields, and the list is not closed. */
  void require(Field... fields) {
    requireOpen();
    for (int i = 0; i < entries.length; i++) {
      for (Field field : fields) {
        Pointer pointer = get(entries[i], field);
        if (entries[i].count > 0 && (pointer == null || pointer.isNull())) {
          throw new IllegalArgumentException(
              field.name().toLowerCase(java.util.Locale.ROOT)
                  + " of tensor "
                  + i
                  + " is null; its "
                  + entries[i].count
                  + " elements need it");
        }
      }
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalArgumentException("the list of tensors is closed");
    }
  }

  private static Pointer get(Entry e, Field field) {
    return switch (field) {
      case WEIGHT -> e.weight;
      case GRADIENT -> e.gradient;
      case FIRST -> e.first;
      case SECOND -> e.second;
      case MASK -> e.mask;
    };
  }

  private LotusTensor at(int index) {
    return tensors.position(index);
  }

  private void requireGradientRoom(int tensor, Pointer gradient, long count) {
    Kernels.requireBytes("gradient of tensor " + tensor, gradient, count, gradientType);
  }

  private static void requireRoom(int tensor, String field, Pointer pointer, long count) {
    Kernels.requireRoom(field + " of tensor " + tensor, pointer, count);
  }
}
