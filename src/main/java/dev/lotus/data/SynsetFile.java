package dev.lotus.data;

import dev.lotus.device.InputException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.InflaterInputStream;

/**
 * {@code meta.mat} of ILSVRC's development kit, a MATLAB file of level 5: of its struct array
 * {@code synsets} the fields {@code ILSVRC2012_ID} and {@code WNID}. They say which class a number
 * in the validation ground truth stands for. Everything else is stepped over.
 *
 * @see <a href="https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf">the format</a>
 */
final class SynsetFile {
  private static final int HEADER = 128;

  /** The published file has 3 MB. */
  private static final int MAX_BYTES = 1 << 26;

  // Types of elements.
  private static final int INT8 = 1;
  private static final int UINT8 = 2;
  private static final int INT16 = 3;
  private static final int UINT16 = 4;
  private static final int INT32 = 5;
  private static final int UINT32 = 6;
  private static final int SINGLE = 7;
  private static final int DOUBLE = 9;
  private static final int MATRIX = 14;
  private static final int COMPRESSED = 15;
  private static final int UTF8 = 16;

  /** Class of an array of structs. */
  private static final int STRUCT = 2;

  private final String file;

  private SynsetFile(String file) {
    this.file = file;
  }

  private record Element(int type, ByteBuffer data) {}

  /**
   * WordNet identifiers by class number.
   *
   * @param file for messages
   * @throws InputException if it is no such file, or damaged
   */
  static Map<Integer, String> read(String file, byte[] bytes) {
    SynsetFile reader = new SynsetFile(file);
    if (bytes.length < HEADER || bytes[HEADER - 4] + bytes[HEADER - 3] != 1) {
      throw reader.wrong("it has no header of a MATLAB file of level 5");
    }
    ByteOrder order = bytes[HEADER - 2] == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN;
    ByteBuffer in = ByteBuffer.wrap(bytes).order(order).position(HEADER);
    try {
      while (in.remaining() >= 8) {
        Element element = reader.next(in);
        if (element.type == COMPRESSED) {
          element = reader.next(reader.inflated(element.data));
        }
        Map<Integer, String> found = element.type == MATRIX ? reader.synsets(element.data) : null;
        if (found != null) {
          return found;
        }
      }
    } catch (BufferUnderflowException | IllegalArgumentException | IndexOutOfBoundsException e) {
      throw reader.wrong("its parts do not fit together");
    }
    throw reader.wrong("it has no array 'synsets' with ILSVRC2012_ID and WNID");
  }

  private InputException wrong(String what) {
    return new InputException(file + " is not the meta.mat of ILSVRC 2012: " + what);
  }

  private Element next(ByteBuffer in) {
    int type = in.getInt();
    int size = type >>> 16;
    if (size != 0) {
      // Up to four bytes stand in the tag itself.
      Element element = new Element(type & 0xffff, slice(in, Math.min(size, 4)));
      in.position(in.position() + 4);
      return element;
    }
    size = in.getInt();
    if (size < 0 || size > in.remaining()) {
      throw wrong("it is cut off: " + size + " bytes are wanted, " + in.remaining() + " left");
    }
    Element element = new Element(type, slice(in, size));
    // Elements begin at multiples of eight bytes, but what is packed does not.
    int padding = type == COMPRESSED ? 0 : -size & 7;
    in.position(in.position() + Math.min(in.remaining(), size + padding));
    return element;
  }

  private static ByteBuffer slice(ByteBuffer in, int size) {
    return in.slice(in.position(), size).order(in.order());
  }

  private ByteBuffer inflated(ByteBuffer packed) {
    byte[] bytes = new byte[packed.remaining()];
    packed.get(bytes);
    try (InflaterInputStream in = new InflaterInputStream(new ByteArrayInputStream(bytes))) {
      byte[] plain = in.readNBytes(MAX_BYTES + 1);
      if (plain.length > MAX_BYTES) {
        throw wrong("it unpacks to more than " + MAX_BYTES + " bytes");
      }
      return ByteBuffer.wrap(plain).order(packed.order());
    } catch (IOException e) {
      throw new InputException(file + " is damaged: " + AtomicFiles.reason(e), e);
    }
  }

  /** Null if the array is another one. */
  private Map<Integer, String> synsets(ByteBuffer matrix) {
    int kind = next(matrix).data.getInt() & 0xff;
    long count = 1;
    for (ByteBuffer sizes = next(matrix).data; sizes.remaining() >= 4; ) {
      // Every struct takes some bytes, so more than there are bytes is a lie.
      count = Math.min(matrix.limit() + 1L, count * Math.max(0, sizes.getInt()));
    }
    String name = text(next(matrix)).strip();
    if (kind != STRUCT || !name.equals("synsets")) {
      return null;
    }
    int length = next(matrix).data.getInt();
    ByteBuffer names = next(matrix).data;
    if (length < 1 || length > 64) {
      throw wrong("its names of fields have " + length + " bytes");
    }
    List<String> fields = new ArrayList<>();
    while (names.remaining() >= length) {
      byte[] field = new byte[length];
      names.get(field);
      fields.add(new String(field, StandardCharsets.US_ASCII).replaceFirst("\0.*", ""));
    }
    int number = fields.indexOf("ILSVRC2012_ID");
    int wnid = fields.indexOf("WNID");
    if (number < 0 || wnid < 0) {
      throw wrong("its fields are " + fields);
    }
    Map<Integer, String> found = new HashMap<>();
    for (long s = 0; s < count; s++) {
      List<ByteBuffer> values = new ArrayList<>();
      for (int f = 0; f < fields.size(); f++) {
        values.add(next(matrix).data);
      }
      found.put(number(values.get(number)), text(content(values.get(wnid))).strip());
    }
    return found;
  }

  /** The values of an array of numbers or characters, behind its flags, sizes and name. */
  private Element content(ByteBuffer matrix) {
    next(matrix);
    next(matrix);
    next(matrix);
    return next(matrix);
  }

  private int number(ByteBuffer matrix) {
    Element value = content(matrix);
    ByteBuffer data = value.data;
    double number =
        switch (value.type) {
          case INT8 -> data.get();
          case UINT8 -> data.get() & 0xff;
          case INT16 -> data.getShort();
          case UINT16 -> data.getShort() & 0xffff;
          case INT32 -> data.getInt();
          case UINT32 -> data.getInt() & 0xffffffffL;
          case SINGLE -> data.getFloat();
          case DOUBLE -> data.getDouble();
          default -> throw wrong("a class number is of type " + value.type);
        };
    if (number != Math.rint(number) || number < 1 || number > 1_000_000) {
      throw wrong("a class has the number " + number);
    }
    return (int) number;
  }

  private String text(Element value) {
    byte[] bytes = new byte[value.data.remaining()];
    Charset charset =
        switch (value.type) {
          case INT8, UINT8, UTF8 -> StandardCharsets.UTF_8;
          case UINT16 ->
              value.data.order() == ByteOrder.LITTLE_ENDIAN
                  ? StandardCharsets.UTF_16LE
                  : StandardCharsets.UTF_16BE;
          default -> throw wrong("a text is of type " + value.type);
        };
    value.data.get(bytes);
    return new String(bytes, charset);
  }
}
