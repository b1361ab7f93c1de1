package dev.lotus.backbone;

import dev.lotus.device.InputException;
import java.util.List;

/**
 * A tensor that a pickle describes: a strided window on a storage.
 *
 * @param offset of its first element in the storage, in elements
 * @param size extent by axis
 * @param stride elements from one place of an axis to the next
 */
record TensorRef(StorageRef storage, long offset, long[] size, long[] stride) {
  /** More axes than any network's tensor has; each takes memory here and few bytes in a file. */
  private static final int MAX_AXES = 16;

  /**
   * @throws InputException unless the window lies in its storage and holds no more elements
   */
  static TensorRef of(StorageRef storage, long offset, List<?> size, List<?> stride) {
    if (size.size() != stride.size() || size.size() > MAX_AXES) {
      throw new InputException(
          "storage "
              + storage.name()
              + ": a tensor of "
              + size.size()
              + " axes with "
              + stride.size()
              + " strides");
    }
    long[] extents = longs(storage, size);
    long[] steps = longs(storage, stride);
    long elements = 1;
    long last = 0;
    boolean empty = false;
    try {
      for (int i = 0; i < extents.length; i++) {
        empty |= extents[i] == 0;
        elements = Math.multiplyExact(elements, extents[i]);
        last = Math.addExact(last, Math.multiplyExact(Math.max(0, extents[i] - 1), steps[i]));
      }
      // Counted in the whole storage, where a view of an old file starts at its own offset.
      long first = Math.addExact(offset, storage.offset());
      if (elements > storage.elements() && last < storage.elements()) {
        throw new InputException(
            "storage "
                + storage.name()
                + " of "
                + storage.elements()
                + " elements: a tensor of "
                + elements
                + " repeats them; save its .contiguous() form");
      }
      if (offset < 0
          || elements > storage.elements()
          || (empty ? first > storage.elements() : last >= storage.elements() - first)) {
        throw new InputException(
            "storage "
                + storage.name()
                + " of "
                + storage.elements()
                + " elements: a tensor at "
                + first
                + " reaches outside it");
      }
      return new TensorRef(storage, first, extents, steps);
    } catch (ArithmeticException e) {
      throw new InputException("storage " + storage.name() + ": a tensor is too large", e);
    }
  }

  private static long[] longs(StorageRef storage, List<?> values) {
    long[] numbers = new long[values.size()];
    for (int i = 0; i < numbers.length; i++) {
      if (!(values.get(i) instanceof Long number) || number < 0) {
        throw new InputException(
            "storage "
                + storage.name()
                + ": a tensor whose sizes or strides are no numbers from 0");
      }
      numbers[i] = number;
    }
    return numbers;
  }
}
