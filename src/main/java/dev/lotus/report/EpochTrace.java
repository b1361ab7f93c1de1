package dev.lotus.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

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
}
