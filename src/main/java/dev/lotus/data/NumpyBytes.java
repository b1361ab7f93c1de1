package dev.lotus.data;

import dev.lotus.device.InputException;
import java.nio.charset.StandardCharsets;
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

  private int[] shape = {0};
  private byte[] bytes = {};

  /** What a pickle may say of numpy; null for every other name. */
  static Unpickler.Constructor find(String module, String name) {
    if (MODULES.contains(module) && name.equals("_reconstruct")) {
      return arguments -> new NumpyBytes();
    }
    if (module.equals("numpy") && name.equals("ndarray")) {
      return arguments -> {
        throw new InputException("numpy.ndarray is not called by any data file");
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
  private static NumpyBytes fromBuffer(Object[] arguments) {
    if (arguments.length != 4 || !"C".equals(arguments[3])) {
      throw new InputException("_frombuffer is known for (bytes, type, shape, 'C') only");
    }
    NumpyBytes array = new NumpyBytes();
    array.setState(new Object[] {1L, arguments[2], arguments[1], false, arguments[0]});
    return array;
  }

  /** Python 3 writes bytes at protocol 2 as _codecs.encode(text, "latin1"). */
  private static byte[] encode(Object[] arguments) {
    if (arguments.length != 2
        || !(arguments[0] instanceof String text)
        || !"latin1".equals(arguments[1])) {
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
    if (!(state instanceof Object[] parts)
        || parts.length != 5
        || !(parts[1] instanceof Object[] sizes)
        || !(parts[2] instanceof Type)
        || !(parts[4] instanceof byte[] content)) {
      throw new InputException("a numpy array's state is not (version, shape, type, order, bytes)");
    }
    if (!Boolean.FALSE.equals(parts[3])) {
      throw new InputException("a numpy array is in Fortran order; only C order is read");
    }
    long count = 1;
    int[] found = new int[sizes.length];
    for (int i = 0; i < sizes.length; i++) {
      if (!(sizes[i] instanceof Long size) || size < 0 || size > content.length) {
        // Only a number is printed: a list could hold itself.
        throw new InputException(
            "a numpy array has in its shape "
                + (sizes[i] instanceof Long
                    ? "the size " + sizes[i]
                    : "something that is no number"));
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
    Type(Object[] arguments) {
      Object code = arguments.length == 0 ? null : arguments[0];
      String name =
          code instanceof byte[] b
              ? new String(b, StandardCharsets.US_ASCII)
              : code instanceof String s ? s : "unknown";
      if (!name.equals("u1") && !name.equals("|u1")) {
        throw new InputException("a numpy array is of type " + name + "; only uint8 (u1) is read");
      }
    }

    /** Byte order and alignment: nothing to know of single bytes. */
    @Override
    public void setState(Object state) {
      if (!(state instanceof Object[])) {
        throw new InputException("a numpy type's state is no tuple");
      }
    }
  }
}
