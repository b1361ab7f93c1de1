package dev.lotus.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.lotus.metric.Correlation;
import dev.lotus.metric.Statistics.Spread;
import java.util.List;
import java.util.Map;

/**
 * The content of results.json: every run of an experiment and what is said of them together. Times
 * stand under keys named {@code seconds} and nowhere else; without those, the same experiment on
 * the same kind of machine gives the same bytes, however often it was interrupted.
 *
 * @param schema version of this layout, {@value #SCHEMA}
 * @param name the experiment's
 * @param title what readers see
 * @param device what computed
 * @param precision of the backbones' arithmetic
 * @param versions of this program, Java and the libraries
 * @param configuration the experiment's file with its defaults filled in
 * @param groups one a model and data set
 * @param failures what could not be made or scored
 */
@JsonNaming(SnakeCaseStrategy.class)
public record ExperimentResults(
    int schema,
    String name,
    String title,
    String device,
    String precision,
    Map<String, String> versions,
    Object configuration,
    List<Group> groups,
    List<Failure> failures) {
  /** The layout this program writes. */
  public static final int SCHEMA = 1;

  /**
   * A model on a data set: what one table is about.
   *
   * @param model name in the file
   * @param data name in the file
   * @param dataset which it is
   * @param dataSha256 checksum of the data
   * @param samples sizes of forget, retain, val and test
   * @param rows gold, original, then the methods in the file's order
   * @param correlations of RF-JSD with JSD, textbook and published forms
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Group(
      String model,
      String data,
      String dataset,
      String dataSha256,
      Map<String, Integer> samples,
      List<Row> rows,
      List<Pair> correlations) {
    /** The row of the retrained models, or null. */
    public Row gold() {
      return rows.stream()
          .filter(row -> row.role() == RunSummary.Role.RETRAINED)
          .findFirst()
          .orElse(null);
    }

    String name() {
      return model + " on " + data;
    }
  }

  /**
   * A method, the originals or the gold models over their seeds.
   *
   * @param name as readers see it
   * @param role what it is to the others
   * @param method null for trained models
   * @param runs in the order of the seeds; failed ones are not among them
   * @param statistics by metric, of those runs that have it
   * @param gaps of the means to the gold models' means, by metric; empty without gold
   * @param avgGapPublished mean of the four gaps with means rounded to two decimals; null without
   *     gold
   * @param forgetting of the method's runs against the gold models, or null where there was no
   *     audit, or there are too few
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Row(
      String name,
      RunSummary.Role role,
      String method,
      List<Run> runs,
      Map<String, Spread> statistics,
      Map<String, Double> gaps,
      Double avgGapPublished,
      @JsonInclude(JsonInclude.Include.NON_NULL) Forgetting forgetting) {
    /** The mean of a metric, or null. */
    Double mean(String metric) {
      Spread spread = statistics.get(metric);
      return spread == null ? null : (Double) spread.mean();
    }
  }

  /**
   * The forgetting score of a method ({@link dev.lotus.metric.ForgettingScore}).
   *
   * @param models N: training seeds, each with an unlearned and a gold model
   * @param quality mean of the points
   * @param score quality times the utility that is left; null where the gold models have none
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Forgetting(int models, double quality, Double score) {}

  /**
   * One model.
   *
   * @param item its folder in the store
   * @param trainingSeed of the original or gold model
   * @param unlearningSeed null for trained models
   * @param configuration every setting in force
   * @param metrics as in metrics.json
   * @param trace one entry an epoch
   * @param entropies histogram by set
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Run(
      String item,
      long trainingSeed,
      Long unlearningSeed,
      Map<String, String> configuration,
      Map<String, Number> metrics,
      List<EpochTrace> trace,
      Map<String, Histogram> entropies) {
    Double metric(String key) {
      Number value = metrics.get(key);
      return value == null ? null : (Double) value.doubleValue();
    }
  }

  /**
   * How two metrics go together.
   *
   * @param over {@code runs}: every unlearned model is a pair; {@code means}: every method's means,
   *     and the gold models' with JSD 0, as in the published notebooks
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Pair(String x, String y, String over, Correlation correlation) {}

  /**
   * @param item its folder in the store
   * @param message why
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Failure(
      String model,
      String data,
      String row,
      long trainingSeed,
      Long unlearningSeed,
      String item,
      String message) {}
}
