/**
 * Stage 7, metric: what one pass of a model over each set left behind ({@link SetStatistics}:
 * correct count, loss, entropy, class means) comes in; one {@link Metrics} record of flat,
 * unrounded numbers goes out.
 *
 * <p>Everything here is plain Java in double precision, without libtorch and without native code.
 * Each number has one class: {@link Mia}, {@link Jsd} (textbook), {@link JsdUpstream} (as the
 * published tables were made), {@link RfJsd}, {@link AvgGap}. {@link Evaluation} puts them
 * together, {@link Statistics} says what holds over several runs. {@link GoldenFile} reads the
 * cases computed by the published code that the tests and {@code lotus verify} compare with.
 */
package dev.lotus.metric;
