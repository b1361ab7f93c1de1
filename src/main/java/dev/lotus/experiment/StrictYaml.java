package dev.lotus.experiment;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.DoublePredicate;

/**
 * A node of a YAML file that is read without leniency: every error names the file, the key's path,
 * the value found and what is wanted.
 */
final class StrictYaml {
  private static final YAMLMapper MAPPER =
      YAMLMapper.builder(
              YAMLFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final Path file;
  private final String path;
  private final JsonNode node;

  private StrictYaml(Path file, String path, JsonNode node) {
    this.file = file;
    this.path = path;
    this.node = node;
  }

  /**
   * The whole file, one map.
   *
   * @throws InputException where it cannot be read, is no YAML, or uses aliases
   */
  static StrictYaml read(Path file) {
    try {
      byte[] bytes = Files.readAllBytes(file);
      refuseAliases(file, bytes);
      StrictYaml root = new StrictYaml(file, "", MAPPER.readTree(bytes));
      if (!root.node.isObject()) {
        throw new InputException(file + ": no experiment: a map of keys is needed");
      }
      return root;
    } catch (JsonProcessingException e) {
      int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
      throw new InputException(
          file
              + ": line "
              + line
              + ": "
              + at(e)
              + e.getOriginalMessage().replaceAll("\\s+", " ").strip(),
          e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + e + ")", e);
    }
  }

  /** The key of a number that is none, such as .inf. */
  private static String at(JsonProcessingException e) {
    if (!e.getOriginalMessage().startsWith("Malformed")
        || !(e.getProcessor() instanceof JsonParser parser)) {
      return "";
    }
    String key = parser.getParsingContext().pathAsPointer().toString();
    return key.isEmpty() ? "" : key.substring(1).replace('/', '.') + ": ";
  }

  /** The tree model takes an alias for a text; what was meant would be lost without a word. */
  private static void refuseAliases(Path file, byte[] bytes) throws IOException {
    try (YAMLParser parser = MAPPER.getFactory().createParser(bytes)) {
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        if (parser.isCurrentAlias()) {
          throw new InputException(
              file
                  + ": line "
                  + parser.currentTokenLocation().getLineNr()
                  + ": aliases (*name) are not read; write the value out");
        }
      }
    }
  }

  /** The error of this node. */
  InputException error(String wanted) {
    String value =
        node.isMissingNode() ? " is missing" : node.isContainerNode() ? "" : " = " + node;
    return new InputException(
        file + ": " + (path.isEmpty() ? "file" : path) + value + ": " + wanted);
  }

  /** Requires a map with no other keys than these. */
  StrictYaml allow(String... keys) {
    if (!node.isObject()) {
      throw error("give a map of " + String.join(", ", keys));
    }
    Set<String> known = Set.of(keys);
    node.fieldNames()
        .forEachRemaining(
            key -> {
              if (!known.contains(key)) {
                throw new InputException(
                    file
                        + ": "
                        + child(key).path
                        + " = "
                        + node.get(key)
                        + ": there is no such key here; there are "
                        + String.join(", ", keys));
              }
            });
    return this;
  }

  boolean has(String key) {
    return node.hasNonNull(key);
  }

  StrictYaml child(String key) {
    JsonNode value = node.get(key);
    return new StrictYaml(
        file,
        path.isEmpty() ? key : path + "." + key,
        value == null || value.isNull() ? MissingNode.getInstance() : value);
  }

  /** This map, and where it lacks a key, {@code fallback} but for some keys of that. */
  StrictYaml over(StrictYaml fallback, Collection<String> without) {
    if (!fallback.node.isObject() || !node.isObject()) {
      return this;
    }
    ObjectNode merged = fallback.node.deepCopy();
    merged.remove(without);
    merged.setAll((ObjectNode) node);
    return new StrictYaml(file, path, merged);
  }

  /** The elements of a list of at least one. */
  List<StrictYaml> list(String key) {
    StrictYaml list = child(key);
    if (!list.node.isArray() || list.node.isEmpty()) {
      throw list.error("give a list of at least one");
    }
    List<StrictYaml> elements = new ArrayList<>();
    for (int i = 0; i < list.node.size(); i++) {
      elements.add(new StrictYaml(file, list.path + "[" + i + "]", list.node.get(i)));
    }
    return elements;
  }

  boolean isMap() {
    return node.isObject();
  }

  boolean isText() {
    return node.isTextual();
  }

  String text() {
    if (!node.isTextual() || node.textValue().isBlank()) {
      throw error("give a text");
    }
    return node.textValue();
  }

  /** The text under a key, or the fallback. */
  String text(String key, String fallback) {
    return has(key) ? child(key).text() : fallback;
  }

  /** One of some words. */
  String choice(String key, String fallback, Collection<String> words) {
    String text = has(key) ? child(key).text() : fallback;
    if (text == null || !words.contains(text)) {
      throw child(key).error("give one of " + String.join(", ", words));
    }
    return text;
  }

  long whole(long low, long high) {
    if (!node.isIntegralNumber()
        || !node.canConvertToLong()
        || node.longValue() < low
        || node.longValue() > high) {
      throw error(
          high == Long.MAX_VALUE
              ? "give a whole number" + (low == Long.MIN_VALUE ? "" : " of at least " + low)
              : "give a whole number from " + low + " to " + high);
    }
    return node.longValue();
  }

  /** The whole number under a key, which must be there if there is no fallback. */
  Integer whole(String key, Integer fallback, int low, int high) {
    return has(key) || fallback == null ? (int) child(key).whole(low, high) : fallback;
  }

  /** The number under a key, or the fallback, which may be null. */
  Double number(String key, Double fallback, DoublePredicate inRange, String wanted) {
    if (!has(key)) {
      return fallback;
    }
    StrictYaml value = child(key);
    if (!value.node.isNumber()
        || !Double.isFinite(value.node.doubleValue())
        || !inRange.test(value.node.doubleValue())) {
      throw value.error("give " + wanted);
    }
    return value.node.doubleValue();
  }

  boolean flag(String key, boolean fallback) {
    if (!has(key)) {
      return fallback;
    }
    if (!child(key).node.isBoolean()) {
      throw child(key).error("give true or false");
    }
    return child(key).node.booleanValue();
  }

  /** Names in a list must differ: rows and folders are told apart by them. */
  static void requireDistinct(List<StrictYaml> nodes, List<?> values) {
    Set<Object> seen = new HashSet<>();
    for (int i = 0; i < values.size(); i++) {
      if (!seen.add(values.get(i))) {
        throw nodes.get(i).error("\"" + values.get(i) + "\" is there already; give each its own");
      }
    }
  }
}
