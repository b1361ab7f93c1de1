package dev.lotus.metric;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lotus.device.InputException;
import dev.lotus.device.ResultException;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Every metric of one model, flat and unrounded, in the order of metrics.json. Null where a metric
 * has no input, such as the gaps where there is no retrained model. Accuracies, MIA and gaps are
 * fractions 0..1; divergences in nats.
 *
 * @param accForget accuracy on the forget set D_f
 * @param accRetain accuracy on the retain set D_r
 * @param accTest accuracy on the test half
 * @param accVal accuracy on the validation half (the unseen data D_u)
 * @param mia fraction of D_f taken for training samples ({@link Mia})
 * @param jsd divergence to the retrained model on D_f, textbook ({@link Jsd})
 * @param jsdUpstream the same in the published form ({@link JsdUpstream#of})
 * @param jsdBt the same in Bad Teaching's form ({@link JsdUpstream#badTeaching})
 * @param rfJsd retrain-free divergence, textbook ({@link RfJsd})
 * @param rfJsdLo lower end of its 95% interval over output subsets
 * @param rfJsdHi upper end
 * @param rfJsdUpstream the same in the published form
 * @param rfJsdClasses classes that entered it
 * @param avgGap distance to the retrained model over four scores ({@link AvgGap#exact})
 * @param avgGapPublished the same as published tables round it ({@link AvgGap#published})
 * @param seconds preparation and all epochs, without the final evaluation
 */
@JsonPropertyOrder({
  "acc_forget",
  "acc_retain",
  "acc_test",
  "acc_val",
  "mia",
  "jsd",
  "jsd_upstream",
  "jsd_bt",
  "rf_jsd",
  "rf_jsd_lo",
  "rf_jsd_hi",
  "rf_jsd_upstream",
  "rf_jsd_classes",
  "avg_gap",
  "avg_gap_published",
  "seconds"
})
public record Metrics(
    @JsonProperty("acc_forget") Double accForget,
    @JsonProperty("acc_retain") Double accRetain,
    @JsonProperty("acc_test") Double accTest,
    @JsonProperty("acc_val") Double accVal,
    @JsonProperty("mia") Double mia,
    @JsonProperty("jsd") Double jsd,
    @JsonProperty("jsd_upstream") Double jsdUpstream,
    @JsonProperty("jsd_bt") Double jsdBt,
    @JsonProperty("rf_jsd") Double rfJsd,
    @JsonProperty("rf_jsd_lo") Double rfJsdLo,
    @JsonProperty("rf_jsd_hi") Double rfJsdHi,
    @JsonProperty("rf_jsd_upstream") Double rfJsdUpstream,
    @JsonProperty("rf_jsd_classes") Integer rfJsdClasses,
    @JsonProperty("avg_gap") Double avgGap,
    @JsonProperty("avg_gap_published") Double avgGapPublished,
    @JsonProperty("seconds") Double seconds) {

  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  /**
   * @throws ResultException where a value is NaN or infinite: such a number has no place in a
   *     result, and JSON has no word for it
   */
  public Metrics {
    refuseNonFinite("acc_forget", accForget);
    refuseNonFinite("acc_retain", accRetain);
    refuseNonFinite("acc_test", accTest);
    refuseNonFinite("acc_val", accVal);
    refuseNonFinite("mia", mia);
    refuseNonFinite("jsd", jsd);
    refuseNonFinite("jsd_upstream", jsdUpstream);
    refuseNonFinite("jsd_bt", jsdBt);
    refuseNonFinite("rf_jsd", rfJsd);
    refuseNonFinite("rf_jsd_lo", rfJsdLo);
    refuseNonFinite("rf_jsd_hi", rfJsdHi);
    refuseNonFinite("rf_jsd_upstream", rfJsdUpstream);
    refuseNonFinite("avg_gap", avgGap);
    refuseNonFinite("avg_gap_published", avgGapPublished);
    refuseNonFinite("seconds", seconds);
  }

  /** The same with another value of {@code seconds}. */
  public Metrics withSeconds(Double newSeconds) {
    return new Metrics(
        accForget,
        accRetain,
        accTest,
        accVal,
        mia,
        jsd,
        jsdUpstream,
        jsdBt,
        rfJsd,
        rfJsdLo,
        rfJsdHi,
        rfJsdUpstream,
        rfJsdClasses,
        avgGap,
        avgGapPublished,
        newSeconds);
  }

  /** The four scores of {@link AvgGap}, or null where one of them is missing. */
  public AvgGap.Scores scores() {
    if (mia == null || accForget == null || accRetain == null || accTest == null) {
      return null;
    }
    return new AvgGap.Scores(mia, accForget, accRetain, accTest);
  }

  /** The keys of metrics.json and their values, null included, in order. */
  public Map<String, Number> toMap() {
    Map<String, Number> map = new LinkedHashMap<>();
    try {
      for (RecordComponent component : Metrics.class.getRecordComponents()) {
        String key = component.getAccessor().getAnnotation(JsonProperty.class).value();
        map.put(key, (Number) component.getAccessor().invoke(this));
      }
    } catch (ReflectiveOperationException e) {
      throw new AssertionError("accessors of a public record are accessible", e);
    }
    return map;
  }

  /** One flat JSON object, one key a line, all keys present, UTF-8, ending in a newline. */
  public byte[] toJson() {
    try {
      String text = MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(this);
      return (text.replace("\r\n", "\n") + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new AssertionError("a record of finite numbers can always be written", e);
    }
  }

  /**
   * Reads what {@link #toJson} wrote. A missing key is null; unknown keys are ignored.
   *
   * @param source what to call the text in an error, usually its file
   * @throws InputException where it is no JSON object or a value is no number
   */
  public static Metrics fromJson(byte[] json, String source) {
    try {
      Metrics metrics = MAPPER.readValue(json, Metrics.class);
      if (metrics == null) {
        throw new InputException(source + ": holds null instead of an object of metrics");
      }
      return metrics;
    } catch (IOException e) {
      String first =
          e instanceof JsonProcessingException j ? j.getOriginalMessage() : e.getMessage();
      throw new InputException(source + ": no metrics: " + first.lines().findFirst().orElse(""), e);
    }
  }

  /**
   * Reads a metrics.json.
   *
   * @throws InputException where it cannot be read or is malformed
   */
  public static Metrics read(Path file) {
    try {
      return fromJson(Files.readAllBytes(file), file.toString());
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read: " + e, e);
    }
  }

  private static void refuseNonFinite(String key, Double value) {
    if (value != null && !Double.isFinite(value)) {
      throw new ResultException(
          "metric " + key + " is " + value + ": a model's output was not finite");
    }
  }
}
