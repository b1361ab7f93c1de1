package dev.lotus.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What one epoch left behind; null where a quantity does not belong to the method.
 *
 * @param epoch counted from 1
 * @param tau temperature of this epoch
 * @param accForget accuracy on D_f at the epoch's start, 0..1
 * @param accUnseen accuracy of the original model on D_u, 0..1
 * @param loss mean training loss over the samples of the epoch's passes
 * @param phases the mean of each pass by its name, where a method's epoch has several; else empty
 * @param seconds wall time
 */
public record EpochTrace(
    @JsonProperty("epoch") int epoch,
    @JsonProperty("tau") Double tau,
    @JsonProperty("acc_forget") Double accForget,
    @JsonProperty("acc_unseen") Double accUnseen,
    @JsonProperty("loss") Double loss,
    @JsonProperty("phases") @JsonInclude(JsonInclude.Include.NON_EMPTY) Map<String, Double> phases,
    @JsonProperty("seconds") Double seconds) {
  /** Missing phases become none. */
  public EpochTrace {
    phases = phases == null ? Map.of() : Collections.unmodifiableMap(new LinkedHashMap<>(phases));
  }

  /** An epoch of one pass. */
  public EpochTrace(
      int epoch, Double tau, Double accForget, Double accUnseen, Double loss, Double seconds) {
    this(epoch, tau, accForget, accUnseen, loss, Map.of(), seconds);
  }

  /** In words, for progress. */
  public String line() {
    String temperature = "";
    if (tau != null) {
      temperature =
          accForget == null
              ? String.format(Locale.ROOT, ", tau %.3f", tau)
              : String.format(
                  Locale.ROOT, ", tau %.3f (forget %.3f, unseen %.3f)", tau, accForget, accUnseen);
    }
    return String.format(
        Locale.ROOT, "epoch %d: loss %.4f%s%s, %.1f s", epoch, loss, parts(), temperature, seconds);
  }

  /** {@code (impair 2.3026, repair 0.1234)}; nothing where the epoch is one. */
  private String parts() {
    return phases.isEmpty()
        ? ""
        : phases.entrySet().stream()
            .map(p -> String.format(Locale.ROOT, "%s %.4f", p.getKey(), p.getValue()))
            .collect(Collectors.joining(", ", " (", ")"));
  }
}
