package dev.lotus.metric;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.lotus.device.InputException;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

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
 * @param attacks what membership attacks find
 * @param audit other checks: tug-of-war, Streisand, forgetting score, relearning
 */
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
    @JsonProperty("seconds") Double seconds,
    AttackMetrics attacks,
    AuditMetrics audit) {
  /** Version of metrics.json, its key {@code schema}; 1 had neither that key nor the attacks. */
  public static final int SCHEMA = 2;

  /** Nothing is known. */
  public static final Metrics NONE =
      new Metrics(
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          AttackMetrics.NONE,
          AuditMetrics.NONE);

  private static final String SCHEMA_KEY = "schema";
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  /**
   * @throws dev.lotus.device.ResultException where a value is NaN or infinite: such a number has no
   *     place in a result, and JSON has no word for it
   */
  public Metrics {
    Finite.require("acc_forget", accForget);
    Finite.require("acc_retain", accRetain);
    Finite.require("acc_test", accTest);
    Finite.require("acc_val", accVal);
    Finite.require("mia", mia);
    Finite.require("jsd", jsd);
    Finite.require("jsd_upstream", jsdUpstream);
    Finite.require("jsd_bt", jsdBt);
    Finite.require("rf_jsd", rfJsd);
    Finite.require("rf_jsd_lo", rfJsdLo);
    Finite.require("rf_jsd_hi", rfJsdHi);
    Finite.require("rf_jsd_upstream", rfJsdUpstream);
    Finite.require("avg_gap", avgGap);
    Finite.require("avg_gap_published", avgGapPublished);
    Finite.require("seconds", seconds);
    Objects.requireNonNull(attacks, "attacks");
    Objects.requireNonNull(audit, "audit");
  }

  /** The same with another value of {@code seconds}. */
  public Metrics withSeconds(Double newSeconds) {
    return with(newSeconds, attacks, audit);
  }

  /** The same with other attacks. */
  public Metrics with(AttackMetrics newAttacks) {
    return with(seconds, newAttacks, audit);
  }

  /** The same with other checks. */
  public Metrics with(AuditMetrics newAudit) {
    return with(seconds, attacks, newAudit);
  }

  private Metrics with(Double newSeconds, AttackMetrics newAttacks, AuditMetrics newAudit) {
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
        newSeconds,
        newAttacks,
        newAudit);
  }

  /** The four scores of {@link AvgGap}, or null where one of them is missing. */
  public AvgGap.Scores scores() {
    if (mia == null || accForget == null || accRetain == null || accTest == null) {
      return null;
    }
    return new AvgGap.Scores(mia, accForget, accRetain, accTest);
  }

  /** The keys of metrics.json but {@code schema}, and their values, null included, in order. */
  public Map<String, Number> toMap() {
    Map<String, Number> map = new LinkedHashMap<>();
    put(this, map);
    return map;
  }

  private static void put(Record record, Map<String, Number> map) {
    try {
      for (RecordComponent component : record.getClass().getRecordComponents()) {
        Object value = component.getAccessor().invoke(record);
        if (component.getType().isRecord()) {
          put((Record) value, map);
        } else {
          map.put(key(component), (Number) value);
        }
      }
    } catch (ReflectiveOperationException e) {
      throw new AssertionError("accessors of a public record are accessible", e);
    }
  }

  private static String key(RecordComponent component) {
    return component.getAccessor().getAnnotation(JsonProperty.class).value();
  }

  /** One flat JSON object, one key a line, all keys present, UTF-8, ending in a newline. */
  public byte[] toJson() {
    Map<String, Number> all = new LinkedHashMap<>();
    all.put(SCHEMA_KEY, SCHEMA);
    all.putAll(toMap());
    try {
      String text = MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(all);
      return (text.replace("\r\n", "\n") + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new AssertionError("a map of finite numbers can always be written", e);
    }
  }

  /**
   * Reads what {@link #toJson} wrote. A missing key is null; unknown keys are ignored.
   *
   * @param source what to call the text in an error, usually its file
   * @throws InputException where it is no JSON object, a value is no number, or the schema is a
   *     later one
   */
  public static Metrics fromJson(byte[] json, String source) {
    JsonNode tree;
    try {
      tree = MAPPER.readTree(json);
    } catch (IOException e) {
      String first =
          e instanceof JsonProcessingException j ? j.getOriginalMessage() : e.getMessage();
      throw new InputException(source + ": no metrics: " + first.lines().findFirst().orElse(""), e);
    }
    if (!tree.isObject()) {
      throw new InputException(source + ": no metrics: it is no JSON object");
    }
    Integer schema = (Integer) number(tree, SCHEMA_KEY, Integer.class, source);
    if (schema != null && schema > SCHEMA) {
      throw new InputException(
          source
              + ": has schema "
              + schema
              + ", this program reads 1 to "
              + SCHEMA
              + ": use the version that wrote it");
    }
    return read(Metrics.class, tree, source);
  }

  private static <R extends Record> R read(Class<R> type, JsonNode tree, String source) {
    RecordComponent[] components = type.getRecordComponents();
    Class<?>[] types = new Class<?>[components.length];
    Object[] values = new Object[components.length];
    for (int i = 0; i < components.length; i++) {
      types[i] = components[i].getType();
      values[i] =
          types[i].isRecord()
              ? read(types[i].asSubclass(Record.class), tree, source)
              : number(tree, key(components[i]), types[i], source);
    }
    try {
      return type.getDeclaredConstructor(types).newInstance(values);
    } catch (ReflectiveOperationException e) {
      throw new InputException(source + ": no metrics: " + e.getCause(), e);
    }
  }

  /** A Double or an Integer, as {@code type} says; null where the key is missing or null. */
  private static Number number(JsonNode tree, String key, Class<?> type, String source) {
    JsonNode node = tree.get(key);
    if (node == null || node.isNull()) {
      return null;
    }
    boolean integer = type == Integer.class;
    if (!node.isNumber() || (integer && !(node.isIntegralNumber() && node.canConvertToInt()))) {
      throw new InputException(
          source + ": no metrics: " + key + " is no " + (integer ? "whole " : "") + "number");
    }
    return integer ? (Number) node.intValue() : (Number) node.doubleValue();
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
}
