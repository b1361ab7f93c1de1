package dev.lotus.data;

import dev.lotus.device.InputException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * One file of CIFAR: binary records of one label byte (CIFAR-100: coarse label, then label) and
 * 3,072 pixel bytes (red, green, blue plane of 32x32), or a pickled dictionary with {@code data}
 * (uint8 [N, 3072], the same planes) and a list of labels.
 *
 * @param bytes holds the pixels; record i begins at {@code first + i * step}
 * @param labels [N]
 */
record CifarFile(byte[] bytes, int first, int step, byte[] labels) {
  static final int PIXELS = 3 * 32 * 32;

  /** A pickle names one text as often as it likes: the names are copies, so they are few. */
  private static final int MAX_NAMES = 1000;

  /** Place of record {@code i}'s pixels. */
  int start(int i) {
    return first + i * step;
  }

  /**
   * Reads and checks one file.
   *
   * @param file for messages
   * @throws InputException if it is cut off or has a wrong label
   */
  static CifarFile read(String file, byte[] bytes, Cifar.Form form) {
    return form.python() ? pickled(file, bytes, form) : binary(file, bytes, form);
  }

  private static CifarFile binary(String file, byte[] bytes, Cifar.Form form) {
    int labelBytes = form.classes() == 10 ? 1 : 2;
    int record = labelBytes + PIXELS;
    if (bytes.length % record != 0) {
      throw new InputException(
          file
              + " is cut off: "
              + bytes.length
              + " bytes are "
              + bytes.length / record
              + " records of "
              + record
              + " and "
              + bytes.length % record
              + " bytes more; fetch it again");
    }
    byte[] labels = new byte[bytes.length / record];
    for (int i = 0; i < labels.length; i++) {
      int at = i * record + labelBytes - 1;
      labels[i] = bytes[at];
      if ((labels[i] & 0xff) >= form.classes()) {
        throw new InputException(
            file
                + ": record "
                + i
                + " (byte "
                + at
                + ") has the label "
                + (labels[i] & 0xff)
                + ", must be 0.."
                + (form.classes() - 1)
                + "; is it "
                + form.dataset()
                + "'s binary version?");
      }
    }
    return new CifarFile(bytes, labelBytes, record, labels);
  }

  private static CifarFile pickled(String file, byte[] bytes, Cifar.Form form) {
    Map<?, ?> batch = dictionary(file, bytes);
    String key = form.labelKeys().get(0);
    if (!(batch.get("data") instanceof NumpyBytes data) || !(batch.get(key) instanceof List<?> l)) {
      throw new InputException(
          file
              + " must hold 'data', a numpy array, and '"
              + key
              + "', a list; it holds "
              + batch.keySet().stream()
                  .limit(8)
                  .map(k -> Unpickler.printable(String.valueOf(k)))
                  .toList()
              + "; is it "
              + form.dataset()
              + "'s Python version?");
    }
    int[] shape = data.shape();
    if (shape.length != 2 || shape[1] != PIXELS || shape[0] != l.size() || shape[0] == 0) {
      throw new InputException(
          file
              + ": data is of shape "
              + Arrays.toString(shape)
              + " for "
              + l.size()
              + " labels, must be [N, "
              + PIXELS
              + "]");
    }
    byte[] labels = new byte[shape[0]];
    for (int i = 0; i < labels.length; i++) {
      if (!(l.get(i) instanceof Long label) || label < 0 || label >= form.classes()) {
        throw new InputException(
            file
                + ": record "
                + i
                + " has the label "
                + (l.get(i) instanceof Long ? l.get(i) : "of another type")
                + ", must be 0.."
                + (form.classes() - 1));
      }
      labels[i] = label.byteValue();
    }
    return new CifarFile(data.bytes(), 0, PIXELS, labels);
  }

  /** The class names in a pickled meta file. */
  static List<String> names(String file, byte[] bytes, String key) {
    if (!(dictionary(file, bytes).get(key) instanceof List<?> found)) {
      throw new InputException(file + " has no list '" + key + "'");
    }
    if (found.size() > MAX_NAMES) {
      throw new InputException(file + " names " + found.size() + " classes in '" + key + "'");
    }
    List<String> names = new ArrayList<>();
    for (Object name : found) {
      if (name instanceof byte[] b) {
        names.add(new String(b, StandardCharsets.UTF_8));
      } else if (name instanceof String s) {
        names.add(s);
      } else {
        throw new InputException(file + ": '" + key + "' holds something that is no name");
      }
    }
    return names;
  }

  private static Map<?, ?> dictionary(String file, byte[] bytes) {
    if (Unpickler.read(file, bytes, NumpyBytes::find) instanceof Map<?, ?> dictionary) {
      return dictionary;
    }
    throw new InputException(file + " is a pickle, but of no dictionary");
  }
}
