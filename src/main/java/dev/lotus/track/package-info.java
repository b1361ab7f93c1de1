/**
 * Beside stage 8, track: a run's numbers go to dashboards while it is under way, if the user asks.
 *
 * <p>In: {@link dev.lotus.report.EpochTrace} by epoch, {@link dev.lotus.metric.Metrics} at the end.
 * Out: event files for TensorBoard, requests to an MLflow server. All of it happens on a thread of
 * its own for each kind of place, and nothing that fails there stops or slows the run: it is said
 * once.
 */
package dev.lotus.track;
