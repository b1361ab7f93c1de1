package dev.lotus.backbone;

import dev.lotus.data.Unpickler;
import dev.lotus.device.InputException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The functions and classes that a weights file may name: all of them; the rest is refused. Each
 * makes a tensor, a container or a plain value.
 */
enum PickleGlobals implements Unpickler.Function {
  /** {@code collections.OrderedDict()} */
  ORDERED_DICT,
  /** {@code torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, ...)} */
  REBUILD_TENSOR,
  /** {@code torch._utils._rebuild_parameter(tensor, requires_grad, hooks)} */
  REBUILD_PARAMETER,
  /** {@code torch.Size(tuple)}, {@code set(list)} */
  SIZE,
  /** {@code collections.Counter(dict)}, which a scheduler keeps its milestones in */
  COUNTER,
  /** {@code torch.device(type, index)} */
  DEVICE,
  FLOAT_STORAGE,
  DOUBLE_STORAGE,
  HALF_STORAGE,
  BFLOAT16_STORAGE,
  LONG_STORAGE,
  INT_STORAGE,
  SHORT_STORAGE,
  CHAR_STORAGE,
  BYTE_STORAGE,
  BOOL_STORAGE;

  private static final Map<String, PickleGlobals> BY_NAME = new LinkedHashMap<>();

  static {
    BY_NAME.put("collections.OrderedDict", ORDERED_DICT);
    BY_NAME.put("torch._utils._rebuild_tensor_v2", REBUILD_TENSOR);
    BY_NAME.put("torch._utils._rebuild_tensor", REBUILD_TENSOR);
    BY_NAME.put("torch._utils._rebuild_parameter", REBUILD_PARAMETER);
    BY_NAME.put("torch.Size", SIZE);
    BY_NAME.put("__builtin__.set", SIZE);
    BY_NAME.put("builtins.set", SIZE);
    BY_NAME.put("collections.Counter", COUNTER);
    BY_NAME.put("torch.device", DEVICE);
    BY_NAME.put("torch.FloatStorage", FLOAT_STORAGE);
    BY_NAME.put("torch.DoubleStorage", DOUBLE_STORAGE);
    BY_NAME.put("torch.HalfStorage", HALF_STORAGE);
    BY_NAME.put("torch.BFloat16Storage", BFLOAT16_STORAGE);
    BY_NAME.put("torch.LongStorage", LONG_STORAGE);
    BY_NAME.put("torch.IntStorage", INT_STORAGE);
    BY_NAME.put("torch.ShortStorage", SHORT_STORAGE);
    BY_NAME.put("torch.CharStorage", CHAR_STORAGE);
    BY_NAME.put("torch.ByteStorage", BYTE_STORAGE);
    BY_NAME.put("torch.BoolStorage", BOOL_STORAGE);
  }

  /** What {@code module.name} stands for; null if it is none of these. */
  static PickleGlobals find(String module, String name) {
    return BY_NAME.get(module + "." + name);
  }

  boolean isStorage() {
    return ordinal() >= FLOAT_STORAGE.ordinal();
  }

  /**
   * Calls this with the arguments of a pickle.
   *
   * @throws InputException if they do not fit
   */
  @Override
  public Object call(List<?> arguments) {
    switch (this) {
      case ORDERED_DICT:
        if (arguments.isEmpty()) {
          return new LinkedHashMap<Object, Object>();
        }
        break;
      case SIZE:
        if (arguments.size() == 1 && arguments.get(0) instanceof List<?> values) {
          return values;
        }
        break;
      case COUNTER:
        // The argument itself: a copy for each call could outgrow the file.
        if (arguments.size() == 1 && arguments.get(0) instanceof Map<?, ?> counts) {
          return counts;
        }
        break;
      case DEVICE:
        return arguments;
      case REBUILD_PARAMETER:
        if (!arguments.isEmpty() && arguments.get(0) instanceof TensorRef tensor) {
          return tensor;
        }
        break;
      case REBUILD_TENSOR:
        if (arguments.size() >= 4
            && arguments.get(0) instanceof StorageRef storage
            && arguments.get(1) instanceof Long offset
            && arguments.get(2) instanceof List<?> size
            && arguments.get(3) instanceof List<?> stride) {
          return TensorRef.of(storage, offset, size, stride);
        }
        break;
      default:
    }
    throw new InputException("the pickle calls " + this + " with arguments that it does not take");
  }
}
