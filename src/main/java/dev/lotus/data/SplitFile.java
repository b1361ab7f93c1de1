package dev.lotus.data;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lotus.device.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;

/**
 * split.json: {schema, dataset, data_sha256, seed, kind, forget, retain, val, test}. Any writer's
 * file is accepted: the four lists are needed, the rest may be absent or null (schema 1, kind
 * explicit, seed 0 are then assumed), and unknown keys are ignored.
 */
final class SplitFile {
  private static final Set<String> KINDS = Set.of("random", "class", "explicit");
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private SplitFile() {}

  static Split read(Path file) {
    return parse(bytes(file), file);
  }

  static Split parse(byte[] bytes, Path file) {
    JsonNode root = tree(bytes, file);
    if (!root.isObject()) {
      throw new InputException(
          file + " is no split file: a JSON object is needed; make one with `lotus split`");
    }
    try {
      long schema = integer(root, "schema", Split.SCHEMA);
      if (schema != Split.SCHEMA) {
        throw new InputException("schema is " + schema + ", only " + Split.SCHEMA + " is known");
      }
      String kind = text(root, "kind", "explicit");
      if (!KINDS.contains(kind)) {
        throw new InputException("kind is '" + kind + "', must be random, class or explicit");
      }
      return new Split(
          Split.SCHEMA,
          text(root, "dataset", null),
          text(root, "data_sha256", null),
          integer(root, "seed", 0),
          kind,
          indices(root, "forget"),
          indices(root, "retain"),
          indices(root, "val"),
          indices(root, "test"));
    } catch (InputException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    }
  }

  static byte[] bytes(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          "there is no split file " + file + "; make one with `lotus split --out " + file + "`");
    }
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new InputException("cannot read " + file + ": " + AtomicFiles.reason(e), e);
    }
  }

  private static JsonNode tree(byte[] bytes, Path file) {
    try {
      return JSON.readTree(bytes);
    } catch (JsonProcessingException e) {
      String where = e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr();
      String what = e.getOriginalMessage().lines().findFirst().orElse("");
      throw new InputException(file + " is not valid JSON" + where + ": " + what, e);
    } catch (IOException e) {
      throw new InputException("cannot read " + file + ": " + AtomicFiles.reason(e), e);
    }
  }

  private static boolean absent(JsonNode node) {
    return node == null || node.isNull();
  }

  private static String text(JsonNode root, String key, String fallback) {
    JsonNode node = root.get(key);
    if (absent(node)) {
      return fallback;
    }
    if (!node.isTextual()) {
      throw new InputException(key + " is " + node + ", must be a string");
    }
    return node.textValue();
  }

  private static long integer(JsonNode root, String key, long fallback) {
    JsonNode node = root.get(key);
    if (absent(node)) {
      return fallback;
    }
    if (!node.isIntegralNumber() || !node.canConvertToLong()) {
      throw new InputException(key + " is " + node + ", must be an integer of at most 64 bits");
    }
    return node.longValue();
  }

  private static int[] indices(JsonNode root, String key) {
    JsonNode list = root.get(key);
    if (absent(list)) {
      throw new InputException(key + " is missing; it must be a list of indices");
    }
    if (!list.isArray()) {
      throw new InputException(key + " must be a list of indices, is " + list.getNodeType());
    }
    int[] indices = new int[list.size()];
    for (int i = 0; i < indices.length; i++) {
      JsonNode node = list.get(i);
      if (!node.isIntegralNumber() || !node.canConvertToInt()) {
        throw new InputException(
            key + "[" + i + "] is " + node + ", must be an index (an integer from 0)");
      }
      indices[i] = node.intValue();
    }
    return indices;
  }

  static void write(Split split, Path file) {
    AtomicFiles.write(
        file,
        out -> {
          JsonGenerator json = JSON.createGenerator(out);
          json.writeStartObject();
          json.writeNumberField("schema", split.schema());
          json.writeStringField("dataset", split.dataset());
          json.writeStringField("data_sha256", split.dataSha256());
          json.writeNumberField("seed", split.seed());
          json.writeStringField("kind", split.kind());
          write(json, "forget", split.forget());
          write(json, "retain", split.retain());
          write(json, "val", split.val());
          write(json, "test", split.test());
          json.writeEndObject();
          json.writeRaw('\n');
          json.flush();
        });
  }

  private static void write(JsonGenerator json, String key, int[] indices) throws IOException {
    json.writeFieldName(key);
    json.writeArray(indices, 0, indices.length);
  }
}
