package dev.lotus.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lotus.device.InputException;
import dev.lotus.device.ResultException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * How this program writes and reads JSON. Keys keep the order of the record's components or of the
 * map's insertion, so give a LinkedHashMap; NaN and infinities, for which JSON has no word, are
 * refused with the place they stand at.
 */
public final class Json {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  /** For what is signed: a file that says anything twice, or more than is read, is refused. */
  private static final JsonMapper STRICT =
      JsonMapper.builder()
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  private Json() {}

  /**
   * Indented JSON, UTF-8, ending in a newline.
   *
   * @param value records, maps, lists, arrays, numbers, texts
   * @throws ResultException where a number is NaN or infinite
   */
  public static byte[] bytes(Object value) {
    return text(value).getBytes(StandardCharsets.UTF_8);
  }

  /** The same as text. */
  public static String text(Object value) {
    JsonNode tree = MAPPER.valueToTree(value);
    refuseNonFinite(tree, "");
    try {
      String text = MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(tree);
      return text.replace("\r\n", "\n") + "\n";
    } catch (JsonProcessingException e) {
      throw new AssertionError("a tree can always be written", e);
    }
  }

  /**
   * Reads a whole file. Unknown keys are ignored, missing ones null.
   *
   * @throws InputException where it cannot be read or does not fit {@code type}
   */
  public static <T> T read(Path file, Class<T> type) {
    return parse(content(file), type, file.toString());
  }

  /** The whole file. */
  static byte[] content(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read: " + e, e);
    }
  }

  /**
   * The same of a text.
   *
   * @param file where it stands, for errors
   */
  public static <T> T parse(String text, Class<T> type, String file) {
    if (text == null) {
      throw new InputException(file + ": holds no " + type.getSimpleName());
    }
    return parse(text.getBytes(StandardCharsets.UTF_8), type, file);
  }

  static <T> T parse(byte[] bytes, Class<T> type, String file) {
    return parse(MAPPER, bytes, type, file);
  }

  /** Refuses keys that are unknown or there twice, and what follows the value. */
  static <T> T parseStrict(byte[] bytes, Class<T> type, String file) {
    return parse(STRICT, bytes, type, file);
  }

  private static <T> T parse(JsonMapper mapper, byte[] bytes, Class<T> type, String file) {
    try {
      T value = mapper.readValue(bytes, type);
      if (value == null) {
        throw new InputException(file + ": holds null");
      }
      return value;
    } catch (JsonProcessingException e) {
      String reason = e.getOriginalMessage().lines().findFirst().orElse("");
      int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
      throw new InputException(file + ": line " + line + ": " + reason, e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read: " + e, e);
    }
  }

  /**
   * Reads one member of a file's object.
   *
   * @throws InputException where the file cannot be read, or the member is missing or does not fit
   *     {@code type}
   */
  public static <T> T read(Path file, String key, Class<T> type) {
    JsonNode member = read(file, JsonNode.class).path(key);
    try {
      T value = MAPPER.treeToValue(member, type);
      if (value == null) {
        throw new InputException(file + ": " + key + " is missing");
      }
      return value;
    } catch (JsonProcessingException e) {
      throw new InputException(file + ": " + key + ": " + e.getOriginalMessage(), e);
    }
  }

  private static void refuseNonFinite(JsonNode node, String path) {
    if (node.isFloatingPointNumber() && !Double.isFinite(node.doubleValue())) {
      throw new ResultException(
          (path.isEmpty() ? "the value" : path.startsWith(".") ? path.substring(1) : path)
              + " is "
              + node.doubleValue()
              + ", which JSON cannot hold");
    }
    if (node.isArray()) {
      for (int i = 0; i < node.size(); i++) {
        refuseNonFinite(node.get(i), path + "[" + i + "]");
      }
    }
    for (Map.Entry<String, JsonNode> entry : node.properties()) {
      refuseNonFinite(entry.getValue(), path + "." + entry.getKey());
    }
  }
}
