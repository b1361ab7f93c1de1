package dev.lotus.metric;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * What membership attacks find, as part of {@link Metrics}. Null where an attack had no input.
 * Flags are 0 or 1, so that their mean over runs says how often they were up.
 *
 * @param attackAuc AUC of {@link LossAttack}, forget set against unseen data
 * @param attackTpr1 its true-positive rate at 1% false positives
 * @param attackTpr01 at 0.1%
 * @param overUnlearned 1 where {@link LossAttack#overUnlearned}
 * @param uliraAuc AUC of {@link ULira}
 * @param uliraTpr1 its true-positive rate at 1% false positives
 * @param uliraTpr01 at 0.1%
 * @param uliraAccuracy its balanced accuracy
 * @param uliraModels shadow models
 * @param uliraFew 1 where fewer than {@link ShadowModel#ENOUGH} of them unlearned some sample, or
 *     never saw it
 * @param rmiaAuc AUC of {@link Rmia}
 * @param rmiaTpr1 its true-positive rate at 1% false positives
 * @param rmiaTpr01 at 0.1%
 * @param rmiaModels reference models
 * @param rmiaFew 1 where they are fewer than {@link ShadowModel#ENOUGH}
 */
public record AttackMetrics(
    @JsonProperty("attack_auc") Double attackAuc,
    @JsonProperty("attack_tpr_1") Double attackTpr1,
    @JsonProperty("attack_tpr_01") Double attackTpr01,
    @JsonProperty("over_unlearned") Integer overUnlearned,
    @JsonProperty("ulira_auc") Double uliraAuc,
    @JsonProperty("ulira_tpr_1") Double uliraTpr1,
    @JsonProperty("ulira_tpr_01") Double uliraTpr01,
    @JsonProperty("ulira_accuracy") Double uliraAccuracy,
    @JsonProperty("ulira_models") Integer uliraModels,
    @JsonProperty("ulira_few") Integer uliraFew,
    @JsonProperty("rmia_auc") Double rmiaAuc,
    @JsonProperty("rmia_tpr_1") Double rmiaTpr1,
    @JsonProperty("rmia_tpr_01") Double rmiaTpr01,
    @JsonProperty("rmia_models") Integer rmiaModels,
    @JsonProperty("rmia_few") Integer rmiaFew) {
  /** No attack was made. */
  public static final AttackMetrics NONE =
      new AttackMetrics(
          null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);

  /**
   * @throws dev.lotus.device.ResultException where a value is NaN or infinite
   */
  public AttackMetrics {
    Finite.require("attack_auc", attackAuc);
    Finite.require("attack_tpr_1", attackTpr1);
    Finite.require("attack_tpr_01", attackTpr01);
    Finite.require("ulira_auc", uliraAuc);
    Finite.require("ulira_tpr_1", uliraTpr1);
    Finite.require("ulira_tpr_01", uliraTpr01);
    Finite.require("ulira_accuracy", uliraAccuracy);
    Finite.require("rmia_auc", rmiaAuc);
    Finite.require("rmia_tpr_1", rmiaTpr1);
    Finite.require("rmia_tpr_01", rmiaTpr01);
  }

  /** The loss-threshold attack alone. */
  public static AttackMetrics of(LossAttack attack, boolean overUnlearned) {
    Roc roc = attack.roc();
    return new AttackMetrics(
        roc.auc(),
        roc.tpr1(),
        roc.tpr01(),
        overUnlearned ? 1 : 0,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null);
  }

  /** The same with U-LiRA. */
  public AttackMetrics with(ULira attack) {
    return new AttackMetrics(
        attackAuc,
        attackTpr1,
        attackTpr01,
        overUnlearned,
        attack.roc().auc(),
        attack.roc().tpr1(),
        attack.roc().tpr01(),
        attack.accuracy(),
        attack.models(),
        few(attack.fewest()),
        rmiaAuc,
        rmiaTpr1,
        rmiaTpr01,
        rmiaModels,
        rmiaFew);
  }

  /** The same with RMIA. */
  public AttackMetrics with(Rmia attack) {
    return new AttackMetrics(
        attackAuc,
        attackTpr1,
        attackTpr01,
        overUnlearned,
        uliraAuc,
        uliraTpr1,
        uliraTpr01,
        uliraAccuracy,
        uliraModels,
        uliraFew,
        attack.roc().auc(),
        attack.roc().tpr1(),
        attack.roc().tpr01(),
        attack.models(),
        few(attack.models()));
  }

  private static int few(int models) {
    return models < ShadowModel.ENOUGH ? 1 : 0;
  }
}
