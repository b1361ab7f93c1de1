package dev.lotus.metric;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One file of reference cases, computed by the published code: {@code {"meta": {...}, "arrays":
 * {name: {"shape": [], "dtype": "", "data": []}}}}, data flat and row-major. fp32 values are stored
 * exactly, as doubles.
 *
 * @param name the file's name without {@code .json}; its first letter is the family of cases
 * @param meta free-form description
 * @param arrays by name, in the file's order
 */
public record GoldenFile(String name, JsonNode meta, Map<String, Array> arrays) {
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  /**
   * One array. int64 values above 2^53 are refused, for they would not survive as doubles.
   *
   * @param name its key in the file
   * @param shape lengths, outermost first; empty for a single number
   * @param dtype float32, float64 or int64
   * @param data flat, row-major
   */
  public record Array(String name, int[] shape, String dtype, double[] data) {
    /**
     * The only value.
     *
     * @throws InputException where there are more
     */
    public double scalar() {
      if (data.length != 1) {
        throw new InputException(
            "golden array " + name + " has " + data.length + " values, one is expected");
      }
      return data[0];
    }

    /** All values as fp32, flat; exact where dtype is float32. */
    public float[] floats() {
      float[] result = new float[data.length];
      for (int i = 0; i < data.length; i++) {
        result[i] = (float) data[i];
      }
      return result;
    }

    /** All values as integers, flat. */
    public int[] ints() {
      int[] result = new int[data.length];
      for (int i = 0; i < data.length; i++) {
        result[i] = Math.toIntExact((long) data[i]);
      }
      return result;
    }

    /**
     * A matrix [rows][columns].
     *
     * @throws InputException where there are not two dimensions
     */
    public double[][] rows() {
      if (shape.length != 2) {
        throw new InputException(
            "golden array "
                + name
                + " has shape "
                + Arrays.toString(shape)
                + ", a matrix is expected");
      }
      double[][] result = new double[shape[0]][];
      for (int row = 0; row < shape[0]; row++) {
        result[row] = Arrays.copyOfRange(data, row * shape[1], (row + 1) * shape[1]);
      }
      return result;
    }
  }

  /**
   * Reads and checks a file.
   *
   * @throws InputException where it cannot be read, is no JSON, lacks a field, or an array's data
   *     do not fill its shape
   */
  public static GoldenFile read(Path file) {
    try {
      return parse(Files.readAllBytes(file), file.getFileName().toString(), file.toString());
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read: " + e, e);
    }
  }

  private static GoldenFile parse(byte[] json, String fileName, String source) {
    JsonNode root;
    try {
      root = MAPPER.readTree(json);
    } catch (JsonProcessingException e) {
      throw new InputException(
          source
              + ": no JSON: "
              + e.getOriginalMessage().lines().findFirst().orElse("")
              + " (line "
              + e.getLocation().getLineNr()
              + ")",
          e);
    } catch (IOException e) {
      throw new InputException(source + ": no JSON: " + e.getMessage(), e);
    }
    JsonNode arrays = root.path("arrays");
    if (!arrays.isObject()) {
      throw new InputException(source + ": no golden file: it has no object \"arrays\"");
    }
    Map<String, Array> byName = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : arrays.properties()) {
      byName.put(entry.getKey(), array(entry.getKey(), entry.getValue(), source));
    }
    String name =
        fileName.endsWith(".json") ? fileName.substring(0, fileName.length() - 5) : fileName;
    return new GoldenFile(name, root.path("meta"), Collections.unmodifiableMap(byName));
  }

  private static Array array(String name, JsonNode node, String source) {
    String where = source + ": array " + name;
    JsonNode shapeNode = node.path("shape");
    JsonNode dataNode = node.path("data");
    String dtype = node.path("dtype").asText("");
    if (!shapeNode.isArray() || !dataNode.isArray()) {
      throw new InputException(where + ": needs \"shape\" and \"data\", both lists");
    }
    boolean integers = dtype.equals("int64");
    if (!integers && !dtype.equals("float32") && !dtype.equals("float64")) {
      throw new InputException(
          where + ": dtype \"" + dtype + "\" is none of float32, float64, int64");
    }
    int[] shape = new int[shapeNode.size()];
    long expected = 1;
    for (int d = 0; d < shape.length; d++) {
      JsonNode length = shapeNode.get(d);
      if (!length.canConvertToInt() || !length.isIntegralNumber() || length.intValue() < 0) {
        throw new InputException(
            where + ": shape " + shapeNode + " has a length that is no whole number >= 0");
      }
      shape[d] = length.intValue();
      // Saturates, so that no product of lengths wraps round to the number of values.
      expected = Math.min(expected * shape[d], 1L << 31);
    }
    if (dataNode.size() != expected) {
      throw new InputException(
          where
              + ": shape "
              + shapeNode
              + " needs "
              + expected
              + " values, data has "
              + dataNode.size());
    }
    double[] data = new double[dataNode.size()];
    for (int i = 0; i < data.length; i++) {
      JsonNode value = dataNode.get(i);
      if (!value.isNumber()) {
        throw new InputException(where + ": data[" + i + "] = " + value + " is no number");
      }
      data[i] = value.doubleValue();
      if (integers && (data[i] != Math.rint(data[i]) || Math.abs(data[i]) > 1L << 53)) {
        throw new InputException(
            where + ": data[" + i + "] = " + value + " is no whole number below 2^53");
      }
    }
    return new Array(name, shape, dtype, data);
  }

  /**
   * An array by name.
   *
   * @throws InputException where the file has none of that name
   */
  public Array array(String arrayName) {
    Array array = arrays.get(arrayName);
    if (array == null) {
      throw new InputException(
          "golden file " + name + " has no array " + arrayName + "; it has " + arrays.keySet());
    }
    return array;
  }
}
