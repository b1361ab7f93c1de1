package dev.lotus.metric;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * Checks beyond accuracy, divergence and attacks, as part of {@link Metrics}. Null where one had no
 * input.
 *
 * @param tow tug-of-war with accuracies ({@link Tow#accuracy})
 * @param towMia tug-of-war with MIA on the forget set ({@link Tow#mia})
 * @param ksStatistic distance of the entropy distributions of forget and test ({@link
 *     EntropyShift})
 * @param ksP its p-value
 * @param forgettingQuality of N unlearned and N retrained models ({@link ForgettingScore})
 * @param forgettingScore the same times the utility that is left
 * @param forgettingModels N
 * @param relearnForget epochs of training on the forget set until the model is as good on it as the
 *     original was; one more than were tried where it never was
 * @param relearnRetain the same with training on retain data only
 */
public record AuditMetrics(
    @JsonProperty("tow") Double tow,
    @JsonProperty("tow_mia") Double towMia,
    @JsonProperty("ks_statistic") Double ksStatistic,
    @JsonProperty("ks_p") Double ksP,
    @JsonProperty("forgetting_quality") Double forgettingQuality,
    @JsonProperty("forgetting_score") Double forgettingScore,
    @JsonProperty("forgetting_models") Integer forgettingModels,
    @JsonProperty("relearn_forget") Integer relearnForget,
    @JsonProperty("relearn_retain") Integer relearnRetain) {
  /** No check was made. */
  public static final AuditMetrics NONE =
      new AuditMetrics(null, null, null, null, null, null, null, null, null);

  /**
   * @throws dev.lotus.device.ResultException where a value is NaN or infinite
   */
  public AuditMetrics {
    Finite.require("tow", tow);
    Finite.require("tow_mia", towMia);
    Finite.require("ks_statistic", ksStatistic);
    Finite.require("ks_p", ksP);
    Finite.require("forgetting_quality", forgettingQuality);
    Finite.require("forgetting_score", forgettingScore);
  }

  /** What one evaluation gives; each may be null. */
  static AuditMetrics of(Double tow, Double towMia, EntropyShift shift) {
    return new AuditMetrics(
        tow,
        towMia,
        shift == null ? null : (Double) shift.statistic(),
        shift == null ? null : (Double) shift.pValue(),
        null,
        null,
        null,
        null,
        null);
  }

  /**
   * The same with the forgetting score.
   *
   * @param score quality times utility, or null where the models' accuracies are not known
   */
  public AuditMetrics with(ForgettingScore forgetting, Double score) {
    return new AuditMetrics(
        tow,
        towMia,
        ksStatistic,
        ksP,
        forgetting.quality(),
        score,
        forgetting.models(),
        relearnForget,
        relearnRetain);
  }

  /** The same with the epochs that relearning took. */
  public AuditMetrics withRelearning(int onForget, int onRetain) {
    return new AuditMetrics(
        tow,
        towMia,
        ksStatistic,
        ksP,
        forgettingQuality,
        forgettingScore,
        forgettingModels,
        onForget,
        onRetain);
  }
}
