package dev.lotus.report;

import com.fasterxml.jackson.annotation.JsonProperty;

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
    @JsonProperty("seconds") Double seconds) {}
