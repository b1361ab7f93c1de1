package dev.lotus.unlearn;

/**
 * What one epoch left in run.json.
 *
 * @param epoch from 1
 * @param tau temperature, null where the method has none
 * @param accForget accuracy on the forget set at the epoch's start, null where not measured
 * @param accUnseen accuracy of the original model on unseen data that tau was taken from, null where not measured
 * @param loss mean loss of the epoch's steps, in nats
 * @param learningRate of the epoch
 * @param seconds wall time of the epoch, its measurements included
 */
public record EpochTrace(
    int epoch,
    Double tau,
    Double accForget,
    Double accUnseen,
    double loss,
    double learningRate,
    double seconds) {}
