package dev.lotus.metric;

import dev.lotus.data.SafetensorsHeader;
import dev.lotus.data.SafetensorsHeader.DType;
import dev.lotus.data.SafetensorsHeader.Entry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A safetensors file in the making, well formed whatever its tensors are. */
public final class TensorFile {
  private final List<Entry> entries = new ArrayList<>();
  private final ByteArrayOutputStream data = new ByteArrayOutputStream();

  /** F64, F32, or raw bits where the type is F16 or BF16. */
  public TensorFile matrix(String name, String dtype, int cols, float... values) {
    DType type = DType.valueOf(dtype);
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * type.bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      switch (type) {
        case F64 -> bytes.putDouble(value);
        case F32 -> bytes.putFloat(value);
        default -> bytes.putShort((short) (int) value);
      }
    }
    return add(name, type, bytes.array(), values.length / cols, cols);
  }

  public TensorFile integers(String name, String dtype, int... values) {
    DType type = DType.valueOf(dtype);
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * type.bytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int value : values) {
      switch (type) {
        case I64 -> bytes.putLong(value);
        case I32 -> bytes.putInt(value);
        default -> bytes.put((byte) value);
      }
    }
    return add(name, type, bytes.array(), values.length);
  }

  public TensorFile add(String name, DType type, byte[] bytes, long... shape) {
    entries.add(new Entry(name, type, shape, data.size(), data.size() + bytes.length));
    data.writeBytes(bytes);
    return this;
  }

  public Path write(Path file) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.write(SafetensorsHeader.encode(entries, Map.of()));
    data.writeTo(all);
    return Files.write(file, all.toByteArray());
  }
}
