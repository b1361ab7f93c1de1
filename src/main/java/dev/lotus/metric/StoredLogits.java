package dev.lotus.metric;

import dev.lotus.data.SafetensorsHeader;
import dev.lotus.data.SafetensorsHeader.DType;
import dev.lotus.data.SafetensorsHeader.Entry;
import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * A safetensors file of model outputs, made by any framework. Outputs are matrices [N, C] named
 * {@code BASE.logits} or {@code BASE.probs} (F64, F32, F16 or BF16), where BASE is a model and a
 * set such as {@code unlearned.forget}; labels and masks are vectors [N] (I64, I32, U8, BOOL).
 *
 * <p>Rows are read in blocks, so a matrix need not fit into memory. The file is somebody else's:
 * every length and every value is checked, and an error names the file, the tensor and the value.
 */
public final class StoredLogits implements AutoCloseable {
  /** Bytes read at a time. */
  private static final int BLOCK = 1 << 22;

  private final Path file;
  private final FileChannel channel;
  private final long dataStart;
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final Set<String> unread = new LinkedHashSet<>();

  /** Takes the rows of a matrix in their order. */
  public interface RowConsumer {
    /**
     * @param row its number, from 0
     * @param values [C], valid until the call returns
     */
    void accept(int row, double[] values);
  }

  private StoredLogits(Path file, FileChannel channel, long dataStart, SafetensorsHeader header) {
    this.file = file;
    this.channel = channel;
    this.dataStart = dataStart;
    for (Entry entry : header.entries()) {
      entries.put(entry.name(), entry);
      unread.add(entry.name());
    }
  }

  /**
   * Opens a file and checks its header.
   *
   * @throws InputException where it cannot be read or is no sound safetensors file
   */
  public static StoredLogits open(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new InputException(file + ": no such file");
    }
    FileChannel channel = null;
    try {
      channel = FileChannel.open(file);
      long size = channel.size();
      if (size < 10) {
        throw new InputException(size + " bytes: no safetensors file");
      }
      int length = SafetensorsHeader.length(block(channel, 0, 8), size);
      long dataStart = 8L + length;
      byte[] json = block(channel, 8, length).array();
      return new StoredLogits(
          file, channel, dataStart, SafetensorsHeader.parse(json, size - dataStart));
    } catch (InputException e) {
      close(channel);
      throw new InputException(file + ": " + e.getMessage(), e);
    } catch (IOException e) {
      close(channel);
      throw new InputException(file + ": cannot be read (" + e + ")", e);
    }
  }

  /** The names of all tensors. */
  public Set<String> names() {
    return entries.keySet();
  }

  /** The tensors that nothing has asked for so far; a misspelt name is among them. */
  public Set<String> unread() {
    return unread;
  }

  /**
   * The name of the outputs of BASE, or null where there are none.
   *
   * @throws InputException where there are logits and probabilities, or they are no matrix of
   *     floating-point numbers with at least one row and column
   */
  public String outputs(String base) {
    Entry logits = entries.get(base + ".logits");
    Entry probs = entries.get(base + ".probs");
    if (logits != null && probs != null) {
      throw bad(logits, "stands beside " + probs.name() + ": give one of them");
    }
    Entry entry = logits == null ? probs : logits;
    if (entry == null) {
      return null;
    }
    unread.remove(entry.name());
    boolean floating =
        switch (entry.dtype()) {
          case F64, F32, F16, BF16 -> true;
          default -> false;
        };
    if (!floating) {
      throw bad(entry, "has type " + entry.dtype() + ": give F64, F32, F16 or BF16");
    }
    long[] shape = entry.shape();
    boolean matrix = shape.length == 2 && shape[0] > 0 && shape[1] > 0;
    if (!matrix || shape[0] > 1 << 30 || shape[1] > BLOCK / 8) {
      throw bad(
          entry,
          "has shape "
              + Arrays.toString(shape)
              + ": give [samples, classes], at least one of each, at most "
              + (1 << 30)
              + " and "
              + BLOCK / 8);
    }
    return entry.name();
  }

  /** Rows of the outputs of BASE; 0 where there are none. */
  public int rows(String base) {
    String name = outputs(base);
    return name == null ? 0 : (int) entries.get(name).shape()[0];
  }

  /** Columns of the outputs of BASE; 0 where there are none. */
  public int classes(String base) {
    String name = outputs(base);
    return name == null ? 0 : (int) entries.get(name).shape()[1];
  }

  /** True where the outputs of BASE are logits of at most fp32, which a float holds exactly. */
  boolean exactInFloat(String base) {
    String name = outputs(base);
    return name.endsWith(".logits") && entries.get(name).dtype() != DType.F64;
  }

  /**
   * A vector of whole numbers, or null where there is none of that name.
   *
   * @param below every value must be 0 or more and below this
   * @throws InputException where it is no vector of I64, I32, U8 or BOOL, or a value is out of
   *     range
   */
  public int[] integers(String name, long below) {
    Entry entry = entries.get(name);
    if (entry == null) {
      return null;
    }
    unread.remove(name);
    if (entry.shape().length != 1 || entry.shape()[0] > 1 << 30) {
      throw bad(entry, "has shape " + Arrays.toString(entry.shape()) + ": give [samples]");
    }
    int[] values = new int[(int) entry.shape()[0]];
    int size = entry.dtype().bytes;
    int perBlock = BLOCK / size;
    for (int from = 0; from < values.length; from += perBlock) {
      int count = Math.min(perBlock, values.length - from);
      ByteBuffer block = read(entry, (long) from * size, count * size);
      for (int i = 0; i < count; i++) {
        long value =
            switch (entry.dtype()) {
              case I64 -> block.getLong(i * 8);
              case I32 -> block.getInt(i * 4);
              case U8, BOOL -> block.get(i) & 0xFF;
              default ->
                  throw bad(entry, "has type " + entry.dtype() + ": give I64, I32, U8 or BOOL");
            };
        if (value < 0 || value >= below) {
          throw bad(
              entry, "[" + (from + i) + "] = " + value + " is not between 0 and " + (below - 1));
        }
        values[from + i] = (int) value;
      }
    }
    return values;
  }

  /**
   * Hands out the rows of BASE as they are stored.
   *
   * @throws InputException where a logit is NaN or +infinity or a whole row is -infinity; where a
   *     probability is negative or not finite, or a row of them sums to 0
   */
  public void forEachRow(String base, RowConsumer consumer) {
    Entry entry = entries.get(outputs(base));
    boolean logits = entry.name().endsWith(".logits");
    int rows = (int) entry.shape()[0];
    int classes = (int) entry.shape()[1];
    int size = entry.dtype().bytes;
    int perBlock = Math.max(1, BLOCK / (classes * size));
    double[] values = new double[classes];
    for (int from = 0; from < rows; from += perBlock) {
      int count = Math.min(perBlock, rows - from);
      ByteBuffer block = read(entry, (long) from * classes * size, count * classes * size);
      for (int r = 0; r < count; r++) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int c = 0; c < classes; c++) {
          double value = value(entry.dtype(), block, (r * classes + c) * size);
          boolean sound =
              logits
                  ? value < Double.POSITIVE_INFINITY
                  : value >= 0 && value < Double.POSITIVE_INFINITY;
          if (!sound) {
            throw bad(
                entry,
                "["
                    + (from + r)
                    + "]["
                    + c
                    + "] = "
                    + value
                    + (logits ? " is no logit" : " is no probability"));
          }
          values[c] = value;
          largest = Math.max(largest, value);
        }
        if (largest == (logits ? Double.NEGATIVE_INFINITY : 0)) {
          throw bad(entry, "[" + (from + r) + "] is " + largest + " throughout: no distribution");
        }
        consumer.accept(from + r, values);
      }
    }
  }

  private static double value(DType dtype, ByteBuffer block, int at) {
    return switch (dtype) {
      case F64 -> block.getDouble(at);
      case F32 -> block.getFloat(at);
      case BF16 -> Float.intBitsToFloat(block.getShort(at) << 16);
      case F16 -> half(block.getShort(at));
      default -> throw new AssertionError(dtype);
    };
  }

  /** IEEE 754 binary16. */
  private static float half(short bits) {
    int exponent = bits >> 10 & 0x1F;
    int fraction = bits & 0x3FF;
    float magnitude =
        exponent == 0
            ? fraction * 0x1p-24f
            : exponent == 0x1F
                ? fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN
                : (fraction + 0x400) * (float) Math.scalb(1.0, exponent - 25);
    return bits < 0 ? -magnitude : magnitude;
  }

  private ByteBuffer read(Entry entry, long from, int bytes) {
    try {
      return block(channel, dataStart + entry.begin() + from, bytes);
    } catch (InputException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e + ")", e);
    }
  }

  private static ByteBuffer block(FileChannel channel, long from, int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, from + buffer.position()) < 0) {
        throw new InputException(
            "ends at byte " + (from + buffer.position()) + " while being read");
      }
    }
    return buffer.flip();
  }

  /** An error about a tensor's rows, values or fit with another one. */
  InputException bad(String name, String what) {
    return new InputException(file + ": " + name + what);
  }

  private InputException bad(Entry entry, String what) {
    return bad(entry.name(), (what.startsWith("[") ? "" : " ") + what);
  }

  Path file() {
    return file;
  }

  @Override
  public void close() {
    close(channel);
  }

  private static void close(FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        // It was only read from: nothing can be lost.
        return;
      }
    }
  }
}
