package dev.lotus.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The header of a safetensors file: 8 bytes of length (little-endian), then JSON {@code {name:
 * {dtype, shape, data_offsets: [begin, end]}, "__metadata__": {text: text}}}, then the data, which
 * the tensors must fill without hole or overlap. A file is somebody else's: every number in it is
 * checked before it is used.
 */
public final class SafetensorsHeader {
  /** Longest header accepted, in bytes: the format's own limit. */
  static final long MAX_LENGTH = 100_000_000;

  private static final String METADATA = "__metadata__";
  private static final ObjectMapper JSON =
      new ObjectMapper(new JsonFactory().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION))
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /** Element types with the bytes of one element. */
  public enum DType {
    F64(8),
    I64(8),
    F32(4),
    I32(4),
    F16(2),
    BF16(2),
    I16(2),
    I8(1),
    U8(1),
    BOOL(1);

    /** Bytes of one element. */
    public final int bytes;

    DType(int bytes) {
      this.bytes = bytes;
    }
  }

  /**
   * One tensor's place.
   *
   * @param begin first byte, counted from the start of the data
   * @param end one past the last byte
   */
  public record Entry(String name, DType dtype, long[] shape, long begin, long end) {}

  private final List<Entry> entries;
  private final Map<String, String> metadata;

  private SafetensorsHeader(List<Entry> entries, Map<String, String> metadata) {
    this.entries = entries;
    this.metadata = metadata;
  }

  /** The tensors in the order of their data. */
  public List<Entry> entries() {
    return entries;
  }

  /** The file's texts; empty where it has none. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /**
   * The header's length as the file's first 8 bytes give it.
   *
   * @param fileSize bytes of the whole file
   * @throws InputException if it is longer than {@link #MAX_LENGTH} or than the file
   */
  public static int length(ByteBuffer first8, long fileSize) {
    long length = first8.order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    if (length < 2 || length > MAX_LENGTH) {
      throw new InputException(
          "header length "
              + Long.toUnsignedString(length)
              + " is not between 2 and "
              + MAX_LENGTH
              + ": no safetensors file");
    }
    if (length > fileSize - 8) {
      throw new InputException(
          "header of " + length + " bytes in a file of " + fileSize + ": the file is cut off");
    }
    return (int) length;
  }

  /**
   * Reads and checks the JSON.
   *
   * @param dataSize bytes after the header
   * @throws InputException saying what is wrong with which tensor
   */
  public static SafetensorsHeader parse(byte[] json, long dataSize) {
    JsonNode root;
    try {
      root = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new InputException("header is not valid JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new InputException("header is not valid JSON: " + e, e);
    }
    if (root == null || !root.isObject()) {
      throw new InputException("header is not a JSON object");
    }
    List<Entry> entries = new ArrayList<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : root.properties()) {
      if (field.getKey().equals(METADATA)) {
        readMetadata(field.getValue(), metadata);
      } else {
        entries.add(entry(field.getKey(), field.getValue()));
      }
    }
    entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    requireFilled(entries, dataSize);
    return new SafetensorsHeader(entries, metadata);
  }

  private static void readMetadata(JsonNode node, Map<String, String> metadata) {
    if (!node.isObject()) {
      throw new InputException(METADATA + " is not a JSON object");
    }
    for (Map.Entry<String, JsonNode> field : node.properties()) {
      if (!field.getValue().isTextual()) {
        throw new InputException(METADATA + "." + field.getKey() + " is not a text");
      }
      metadata.put(field.getKey(), field.getValue().textValue());
    }
  }

  private static Entry entry(String name, JsonNode node) {
    JsonNode dtypeNode = node.path("dtype");
    DType dtype =
        Arrays.stream(DType.values())
            .filter(d -> d.name().equals(dtypeNode.textValue()))
            .findFirst()
            .orElseThrow(
                () ->
                    new InputException(
                        "tensor "
                            + name
                            + ": dtype "
                            + dtypeNode
                            + " is none of "
                            + Arrays.toString(DType.values())));
    long[] shape = longs(name, "shape", node.path("shape"));
    long[] offsets = longs(name, "data_offsets", node.path("data_offsets"));
    if (offsets.length != 2 || offsets[0] > offsets[1]) {
      throw new InputException(
          "tensor " + name + ": data_offsets " + Arrays.toString(offsets) + " are no [begin, end]");
    }
    long bytes;
    try {
      bytes = dtype.bytes;
      for (long extent : shape) {
        bytes = Math.multiplyExact(bytes, extent);
      }
    } catch (ArithmeticException e) {
      throw new InputException(
          "tensor " + name + ": shape " + Arrays.toString(shape) + " is too large", e);
    }
    if (bytes != offsets[1] - offsets[0]) {
      throw new InputException(
          "tensor "
              + name
              + ": "
              + dtype
              + " "
              + Arrays.toString(shape)
              + " takes "
              + bytes
              + " bytes, its data_offsets "
              + Arrays.toString(offsets)
              + " hold "
              + (offsets[1] - offsets[0]));
    }
    return new Entry(name, dtype, shape, offsets[0], offsets[1]);
  }

  private static long[] longs(String name, String key, JsonNode node) {
    if (!node.isArray()) {
      throw new InputException("tensor " + name + ": " + key + " is missing or no list");
    }
    long[] values = new long[node.size()];
    for (int i = 0; i < values.length; i++) {
      JsonNode value = node.get(i);
      if (!value.isIntegralNumber() || !value.canConvertToLong() || value.longValue() < 0) {
        throw new InputException("tensor " + name + ": " + key + " holds " + value);
      }
      values[i] = value.longValue();
    }
    return values;
  }

  private static void requireFilled(List<Entry> sorted, long dataSize) {
    long end = 0;
    for (Entry entry : sorted) {
      if (entry.end() > dataSize) {
        throw new InputException(
            "tensor "
                + entry.name()
                + " ends at byte "
                + entry.end()
                + " of data that has "
                + dataSize
                + ": the file is cut off or its offsets are wrong");
      }
      if (entry.begin() != end) {
        throw new InputException(
            "tensor "
                + entry.name()
                + " begins at byte "
                + entry.begin()
                + ", the one before ends at "
                + end
                + (entry.begin() < end ? ": they overlap" : ": a hole"));
      }
      end = entry.end();
    }
    if (end != dataSize) {
      throw new InputException("tensors end at byte " + end + " of data that has " + dataSize);
    }
  }

  /**
   * The header's bytes for tensors whose data follow each other in this order, with the 8 bytes of
   * length before and blanks after, so that the data begin at a multiple of 8.
   */
  public static byte[] encode(List<Entry> entries, Map<String, String> metadata) {
    ObjectNode root = JSON.createObjectNode();
    if (!metadata.isEmpty()) {
      ObjectNode texts = root.putObject(METADATA);
      metadata.forEach(texts::put);
    }
    for (Entry entry : entries) {
      ObjectNode node = root.putObject(entry.name());
      node.put("dtype", entry.dtype().name());
      ArrayNode shape = node.putArray("shape");
      Arrays.stream(entry.shape()).forEach(shape::add);
      node.putArray("data_offsets").add(entry.begin()).add(entry.end());
    }
    byte[] json = root.toString().getBytes(StandardCharsets.UTF_8);
    int padded = (json.length + 7) / 8 * 8;
    byte[] bytes = new byte[8 + padded];
    Arrays.fill(bytes, (byte) ' ');
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(padded).put(json);
    return bytes;
  }
}
