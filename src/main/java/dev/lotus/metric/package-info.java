/**
 * Stage 7, metric: what one pass of a model over each set left behind ({@link SetStatistics}:
 * correct count, loss, entropy, class means) comes in; one {@link Metrics} record of flat,
 * unrounded numbers goes out. docs/metrics.md defines every key.
 *
 * <p>Everything here is a pure function in double precision, without libtorch, so that outputs that
 * another framework stored give the same numbers ({@link StoredLogits}, {@link StoredMetrics}).
 * Each number has one class: {@link Mia}, {@link Jsd} (textbook), {@link JsdUpstream} (as the
 * published tables were made), {@link RfJsd}, {@link AvgGap}, {@link Tow}, {@link EntropyShift};
 * the attacks {@link LossAttack}, {@link ULira}, {@link Rmia} with {@link Roc}; {@link
 * ForgettingScore} over many models; {@link Correlation} and {@link Statistics} over many runs.
 * {@link Evaluation} puts those of one model together. {@link GoldenFile} reads the cases computed
 * by the published code that the tests and {@code lotus verify} compare with.
 */
package dev.lotus.metric;
