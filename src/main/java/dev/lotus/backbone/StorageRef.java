package dev.lotus.backbone;

import dev.lotus.data.Unpickler;
import dev.lotus.device.InputException;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A storage that a pickle refers to; its bytes lie elsewhere in the file.
 *
 * @param key its name in the file
 * @param type of its elements
 * @param elementBytes of one of them
 * @param elements how many
 * @param offset where this begins in the storage of that name, in elements: 0 but in old files
 */
record StorageRef(String key, ScalarType type, int elementBytes, long elements, long offset) {
  /**
   * From a persistent id: ('storage', type, key, location, elements), in the legacy form with a
   * view (key, offset, elements) or None behind.
   *
   * @throws InputException if it is nothing of the kind
   */
  static StorageRef of(Object id) {
    if (!(id instanceof List<?> parts) || parts.isEmpty()) {
      throw new InputException("the pickle holds a persistent id that is no tuple");
    }
    if ("module".equals(parts.get(0))) {
      throw new InputException(
          "the file is a whole pickled module, with its classes and their source: refused; save"
              + " model.state_dict() alone");
    }
    if (parts.size() < 5
        || !"storage".equals(parts.get(0))
        || !(parts.get(1) instanceof PickleGlobals storage)
        || !storage.isStorage()
        || !(parts.get(2) instanceof String key)
        || !(parts.get(4) instanceof Long elements)
        || elements < 0) {
      throw new InputException("the pickle holds a persistent id that is no storage");
    }
    ScalarType type = type(storage);
    int bytes = bytes(type);
    if (parts.size() > 5 && parts.get(5) instanceof List<?> view) {
      if (view.size() != 3
          || !(view.get(1) instanceof Long offset)
          || !(view.get(2) instanceof Long viewElements)
          || offset < 0
          || viewElements < 0
          || offset > elements - viewElements) {
        throw new InputException(
            "storage " + Unpickler.printable(key) + ": its view does not lie within it");
      }
      return new StorageRef(key, type, bytes, elements, offset);
    }
    return new StorageRef(key, type, bytes, elements, 0);
  }

  /** The key, fit for a message. */
  String name() {
    return Unpickler.printable(key);
  }

  /**
   * Bytes of the whole storage.
   *
   * @throws InputException beyond 2^63
   */
  long bytes() {
    if (elements > Long.MAX_VALUE / elementBytes) {
      throw new InputException("storage " + name() + ": " + elements + " elements are too many");
    }
    return elements * elementBytes;
  }

  private static ScalarType type(PickleGlobals storage) {
    return switch (storage) {
      case FLOAT_STORAGE -> ScalarType.Float;
      case DOUBLE_STORAGE -> ScalarType.Double;
      case HALF_STORAGE -> ScalarType.Half;
      case BFLOAT16_STORAGE -> ScalarType.BFloat16;
      case LONG_STORAGE -> ScalarType.Long;
      case INT_STORAGE -> ScalarType.Int;
      case SHORT_STORAGE -> ScalarType.Short;
      case CHAR_STORAGE -> ScalarType.Char;
      case BYTE_STORAGE -> ScalarType.Byte;
      case BOOL_STORAGE -> ScalarType.Bool;
      default -> throw new AssertionError(storage);
    };
  }

  private static int bytes(ScalarType type) {
    return switch (type) {
      case Double, Long -> 8;
      case Float, Int -> 4;
      case Half, BFloat16, Short -> 2;
      default -> 1;
    };
  }
}
