package dev.lotus.report;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;

/**
 * What one epoch left behind; null where a quantity does not belong to the method.
 *
 * @param epoch counted from 1
 * @param tau temperature of this epoch
 * @param accForget accuracy on D_f at the epoch's start, 0..1
 * @param accUnseen accuracy of the original model on D_u, 0..1
 * @param loss mean training loss over the epoch's samples
 * @param seconds wall time
 */
public record EpochTrace(
    @JsonProperty("epoch") int epoch,
    @JsonProperty("tau") Double tau,
    @JsonProperty("acc_forget") Double accForget,
    @JsonProperty("acc_unseen") Double accUnseen,
    @JsonProperty("loss") Double loss,
    @JsonProperty("seconds") Double seconds) {
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
        Locale.ROOT, "epoch %d: loss %.4f%s, %.1f s", epoch, loss, temperature, seconds);
  }
}
