/**
 * Stage 8, report: the metrics of every model, the trace of every epoch, entropies and seconds come
 * in as plain data ({@link ReportData}, {@link RunSummary}); files and text for people go out:
 * run.json and metrics.json ({@link RunFolder}), a table for the terminal or Markdown ({@link
 * ResultTable}), one self-contained page ({@link HtmlReport}), and progress while it lasts ({@link
 * Progress}); of many runs together, results.json ({@link ExperimentResults}), its tables ({@link
 * ExperimentTables}) and its page ({@link ExperimentPage}).
 *
 * <p>Nothing here reads the clock or the network, so the same input gives the same bytes. The plots
 * are written as SVG by {@link LineChart}, {@link ScatterChart} and {@link HistogramChart} without
 * AWT: no fonts or display are needed on a server, and colours are CSS variables, so that one file
 * serves light and dark.
 */
package dev.lotus.report;
