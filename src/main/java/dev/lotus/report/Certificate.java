package dev.lotus.report;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import dev.lotus.data.AtomicFiles;
import dev.lotus.device.InputException;
import dev.lotus.metric.Metrics;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * certificate.json: what was unlearned from what, by checksums, so that another can see that files
 * and data are still those of the run. docs/certificate.md says what it proves.
 *
 * @param schema version of this layout, {@value #SCHEMA}
 * @param created UTC, ISO 8601
 * @param method of unlearning
 * @param originalSha256 of the original's weights file
 * @param unlearnedSha256 of the run folder's weights file
 * @param dataSha256 checksum of the data set, as run.json has it
 * @param splitSha256 of the split file, which the run folder holds
 * @param forgetSamples how many were to be forgotten
 * @param forgetSha256 what they hold ({@link dev.lotus.data.SampleDigest})
 * @param runSha256 of run.json, which says how the model is fed
 * @param configuration as run.json has it, {@link #withoutPlaces}
 * @param versions as run.json has them
 * @param arithmetic as run.json has it
 * @param metrics of the unlearned model as the run measured them, without null and seconds
 */
public record Certificate(
    @JsonProperty("schema") int schema,
    @JsonProperty("created") String created,
    @JsonProperty("method") String method,
    @JsonProperty("original_sha256") String originalSha256,
    @JsonProperty("unlearned_sha256") String unlearnedSha256,
    @JsonProperty("data_sha256") String dataSha256,
    @JsonProperty("split_sha256") String splitSha256,
    @JsonProperty("forget_samples") int forgetSamples,
    @JsonProperty("forget_sha256") String forgetSha256,
    @JsonProperty("run_sha256") String runSha256,
    @JsonProperty("configuration") Map<String, String> configuration,
    @JsonProperty("versions") Map<String, String> versions,
    @JsonProperty("arithmetic") Map<String, String> arithmetic,
    @JsonProperty("metrics") Map<String, Double> metrics) {
  /** The layout this program writes and reads. */
  public static final int SCHEMA = 1;

  private static final Set<String> PLACES =
      Set.of("data", "original", "out", "cache", "split", "unseen");

  /**
   * @throws InputException where the schema is not this program's, or anything is missing: what is
   *     not there could not fail its check
   */
  public Certificate {
    if (schema != SCHEMA) {
      throw new InputException(
          "certificate.json has schema " + schema + ", this program reads " + SCHEMA);
    }
    require("created", created);
    require("method", method);
    require("original_sha256", originalSha256);
    require("unlearned_sha256", unlearnedSha256);
    require("data_sha256", dataSha256);
    require("split_sha256", splitSha256);
    require("forget_sha256", forgetSha256);
    require("run_sha256", runSha256);
    if (forgetSamples < 1) {
      throw new InputException("certificate.json: forget_samples is " + forgetSamples);
    }
    configuration = complete("configuration", configuration);
    versions = complete("versions", versions);
    arithmetic = complete("arithmetic", arithmetic);
    metrics = complete("metrics", metrics);
  }

  private static void require(String key, String value) {
    if (value == null || value.isBlank()) {
      throw new InputException("certificate.json: " + key + " is missing");
    }
  }

  private static <V> Map<String, V> complete(String key, Map<String, V> map) {
    if (map == null || map.isEmpty()) {
      throw new InputException("certificate.json: " + key + " is missing");
    }
    map.forEach(
        (name, value) -> {
          if (value == null) {
            throw new InputException("certificate.json: " + key + "." + name + " is null");
          }
        });
    return Collections.unmodifiableMap(new LinkedHashMap<>(map));
  }

  /** What a certificate keeps of a run's configuration: not the names of the machine's places. */
  public static Map<String, String> withoutPlaces(Map<String, String> configuration) {
    Map<String, String> kept = new LinkedHashMap<>(configuration);
    kept.keySet().removeAll(PLACES);
    return kept;
  }

  /** What a certificate keeps of metrics: the numbers that measuring again gives again. */
  public static Map<String, Double> measured(Map<String, Number> metrics) {
    Map<String, Double> kept = new LinkedHashMap<>();
    metrics.forEach(
        (name, value) -> {
          if (value != null && !name.equals("seconds") && !name.equals("schema")) {
            kept.put(name, value.doubleValue());
          }
        });
    return kept;
  }

  /**
   * The same of a metrics.json, with keys that this program does not know.
   *
   * @throws InputException where it is missing or malformed, or says anything twice
   */
  public static Map<String, Double> measuredIn(Path file) {
    byte[] bytes = Json.content(file);
    Map<String, Number> all = new LinkedHashMap<>(Metrics.fromJson(bytes, file.toString()).toMap());
    JsonNode tree = Json.parseStrict(bytes, JsonNode.class, file.toString());
    for (Map.Entry<String, JsonNode> entry : tree.properties()) {
      if (!all.containsKey(entry.getKey()) && !entry.getValue().isNull()) {
        // No number of that name was certified, whatever it is.
        all.put(entry.getKey(), entry.getValue().doubleValue());
      }
    }
    return measured(all);
  }

  /** Writes the file, whole. */
  public void write(Path file) {
    AtomicFiles.write(file, Json.bytes(this));
  }

  /**
   * @throws InputException where the file is missing, malformed or incomplete, or says more than a
   *     certificate does
   */
  public static Certificate read(Path file) {
    return parse(Json.content(file), file);
  }

  /**
   * The same of bytes that were read before, so that a signature is checked over what is compared.
   *
   * @param file where they stood, for errors
   */
  public static Certificate parse(byte[] bytes, Path file) {
    return Json.parseStrict(bytes, Certificate.class, file.toString());
  }
}
