package dev.lotus.report;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.lotus.device.InputException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The content of run.json: everything needed to say what was done, on what, and with what.
 *
 * @param schema version of this layout, {@value #SCHEMA}
 * @param command what made the folder: train, unlearn
 * @param method the unlearning method; null for training
 * @param seed the run's seed
 * @param device the device it ran on, in words
 * @param model architecture: name, classes, channels, width, image_size
 * @param normalization mean and std as given to --normalize, in its notation
 * @param configuration every option with the value used, in the command line's order
 * @param versions of this program, Java and the libraries
 * @param dataSha256 checksum of the data set
 * @param splitSha256 checksum of split.json; null where there was none
 * @param initialSha256 of the weights file it began with; null where they were drawn or not
 *     recorded
 * @param arithmetic what decides about the last bits beside the versions: device, threads,
 *     processes, numerics; of the processes that ended the run
 * @param phaseSeconds wall time of each phase, in their order
 * @param trace one entry an epoch
 */
public record RunRecord(
    @JsonProperty("schema") int schema,
    @JsonProperty("command") String command,
    @JsonProperty("method") String method,
    @JsonProperty("seed") long seed,
    @JsonProperty("device") String device,
    @JsonProperty("model") Map<String, Object> model,
    @JsonProperty("normalization") String normalization,
    @JsonProperty("configuration") Map<String, String> configuration,
    @JsonProperty("versions") Map<String, String> versions,
    @JsonProperty("data_sha256") String dataSha256,
    @JsonProperty("split_sha256") String splitSha256,
    @JsonProperty("initial_sha256") String initialSha256,
    @JsonProperty("arithmetic") Map<String, String> arithmetic,
    @JsonProperty("phase_seconds") Map<String, Double> phaseSeconds,
    @JsonProperty("trace") List<EpochTrace> trace) {

  /** The layout this program writes, and the newest it reads. */
  public static final int SCHEMA = 1;

  /**
   * Missing maps and lists become empty.
   *
   * @throws InputException where the schema is not one this program knows
   */
  public RunRecord {
    if (schema < 1 || schema > SCHEMA) {
      throw new InputException(
          "run.json has schema "
              + schema
              + ", this program reads 1 to "
              + SCHEMA
              + ": use the version that wrote it");
    }
    model = ordered(model);
    configuration = ordered(configuration);
    versions = ordered(versions);
    arithmetic = ordered(arithmetic);
    phaseSeconds = ordered(phaseSeconds);
    trace = trace == null ? List.of() : List.copyOf(trace);
  }

  private static <V> Map<String, V> ordered(Map<String, V> map) {
    return Collections.unmodifiableMap(
        map == null ? new LinkedHashMap<>() : new LinkedHashMap<>(map));
  }
}
