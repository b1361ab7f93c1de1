package dev.lotus.data;

import dev.lotus.device.InputException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * The one class of CIFAR's pickles beside plain data: a numpy array, of uint8 in C order. It is
 * built by {@code numpy.core.multiarray._reconstruct} and then given (version, shape, type, Fortran
 * order, bytes), or by {@code numpy.core.numeric._frombuffer} of (bytes, type, shape, order).
 */
final class NumpyBytes implements Unpickler.Stateful {
  private static final Set<String> MODULES =
      Set.of("numpy.core.multiarray", "numpy._core.multiarray");

  private static final Set<String> NUMERIC = Set.of("numpy.core.numeric", "numpy._core.numeric");

  /** numpy's own limit; each axis takes memory here, and only a byte or two in a file. */
  private static final int MAX_AXES = 64;

  private int[] shape = {0};
  private byte[] bytes = {};

  /** What a pickle may say of numpy; null for every other name. */
  static Unpickler.Function find(String module, String name) {
    if (MODULES.contains(module) && name.equals("_reconstruct")) {
      return arguments -> new NumpyBytes();
    }
    if (module.equals("numpy") && name.equals("ndarray")) {
      return arguments -> {
        throw new InputException("calls numpy.ndarray, which no data file does");
      };
    }
    if (module.equals("numpy") && name.equals("dtype")) {
      return Type::new;
    }
    if (NUMERIC.contains(module) && name.equals("_frombuffer")) {
      return NumpyBytes::fromBuffer;
    }
    if (module.equals("_codecs") && name.equals("encode")) {
      return NumpyBytes::encode;
    }
    return null;
  }

  /** How pickles of protocol 5 hold an array. */
  private static NumpyBytes fromBuffer(List<?> arguments) {
    if (arguments.size() != 4 || !"C".equals(arguments.get(3))) {
      throw new InputException("_frombuffer is known for (bytes, type, shape, 'C') only");
    }
    NumpyBytes array = new NumpyBytes();
    array.setState(Arrays.asList(1L, arguments.get(2), arguments.get(1), false, arguments.get(0)));
    return array;
  }

  /** Python 3 writes bytes at protocol 2 as _codecs.encode(text, "latin1"). */
  private static byte[] encode(List<?> arguments) {
    if (arguments.size() != 2
        || !(arguments.get(0) instanceof String text)
        || !"latin1".equals(arguments.get(1))) {
      throw new InputException("_codecs.encode is known for latin1 only");
    }
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  int[] shape() {
    return shape.clone();
  }

  /** As many as the shape says; not copied. */
  byte[] bytes() {
    return bytes;
  }

  @Override
  public void setState(Object state) {
    if (!(state instanceof List<?> parts)
        || parts.size() != 5
        || !(parts.get(1) instanceof List<?> sizes)
        || !(parts.get(2) instanceof Type)
        || !(parts.get(4) instanceof byte[] content)) {
      throw new InputException("a numpy array's state is not (version, shape, type, order, bytes)");
    }
    if (!Boolean.FALSE.equals(parts.get(3))) {
      throw new InputException("a numpy array is in Fortran order; only C order is read");
    }
    if (sizes.size() > MAX_AXES) {
      throw new InputException("a numpy array has " + sizes.size() + " axes");
    }
    long count = 1;
    int[] found = new int[sizes.size()];
    for (int i = 0; i < found.length; i++) {
      if (!(sizes.get(i) instanceof Long size) || size < 0 || size > content.length) {
        throw new InputException(
            "a numpy array has a size in its shape that is not between 0 and its "
                + content.length
                + " bytes");
      }
      found[i] = size.intValue();
      count = Math.min(Integer.MAX_VALUE, count * size);
    }
    if (count != content.length) {
      throw new InputException(
          "a numpy array's shape is of " + count + " bytes, it has " + content.length);
    }
    shape = found;
    bytes = content;
  }

  /** numpy.dtype("u1"): one unsigned byte. */
  private static final class Type implements Unpickler.Stateful {
    Type(List<?> arguments) {
      Object code = arguments.isEmpty() ? null : arguments.get(0);
      String name =
          code instanceof byte[] b
              ? new String(b, StandardCharsets.US_ASCII)
              : code instanceof String s ? s : "without a name";
      if (!name.equals("u1") && !name.equals("|u1")) {
        throw new InputException(
            "a numpy array is of type " + Unpickler.printable(name) + "; only uint8 (u1) is read");
      }
    }

    /** Byte order and alignment: nothing to know of single bytes. */
    @Override
    public void setState(Object state) {
      if (!(state instanceof List<?>)) {
        throw new InputException("a numpy type's state is no tuple");
      }
    }
  }
}
