package dev.lotus.experiment;

import dev.lotus.experiment.AuditPlan.Shadow;
import dev.lotus.metric.ForgettingScore;
import dev.lotus.metric.Metrics;
import dev.lotus.metric.Rmia;
import dev.lotus.metric.ShadowModel;
import dev.lotus.metric.ULira;
import dev.lotus.report.ExperimentResults.Forgetting;
import dev.lotus.unlearn.Confidences;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * What audits found, computed from the confidences in the store: attacks on each model, and the
 * forgetting score of each method. What lacks models is null.
 */
final class AuditResults {
  /** Shadow models that U-LiRA needs on either side of a sample. */
  private static final int LEAST = 2;

  private final ItemStore store;

  AuditResults(ItemStore store) {
    this.store = store;
  }

  /**
   * The metrics of a model with what an audit adds.
   *
   * @param method whose unlearned shadow models are the attack's; null for original and gold model,
   *     which nothing unlearned: they are attacked with the shadow models as they were trained
   */
  Metrics add(Metrics metrics, Plan.Cell cell, WorkItem item, String method) {
    if (cell.audit() == null) {
      return metrics;
    }
    Metrics found = metrics;
    Confidences own = confidences(cell, item);
    if (own != null) {
      List<ShadowModel> trained = models(cell, cell.audit().shadows(), Shadow::item, s -> s);
      List<ShadowModel> shadows =
          method == null
              ? trained
              : models(
                  cell,
                  cell.audit().of(method),
                  AuditPlan.Unlearned::item,
                  AuditPlan.Unlearned::shadow);
      if (fewest(shadows, true) >= LEAST && fewest(shadows, false) >= LEAST) {
        ULira attack = ULira.of(own.forget(), own.test(), shadows);
        found = found.with(found.attacks().with(attack));
      }
      if (fewest(trained, false) >= 1) {
        Rmia attack = Rmia.of(own.forget(), own.test(), trained, Rmia.GAMMA, Rmia.OFFLINE_A);
        found = found.with(found.attacks().with(attack));
      }
    }
    AuditWork.Relearned epochs =
        cell.audit().relearn()
            ? store.recall(Task.RELEARN, item, cell, AuditWork.Relearned.class)
            : null;
    return epochs == null
        ? found
        : found.with(found.audit().withRelearning(epochs.forget(), epochs.retain()));
  }

  private Confidences confidences(Plan.Cell cell, WorkItem item) {
    return store.recall(Task.ANSWER, item, cell, Confidences.class);
  }

  /** Those that are there. */
  private <T> List<ShadowModel> models(
      Plan.Cell cell, List<T> all, Function<T, WorkItem> item, Function<T, Shadow> shadow) {
    List<ShadowModel> models = new ArrayList<>();
    for (T one : all) {
      Confidences answers = confidences(cell, item.apply(one));
      if (answers != null) {
        Membership members = shadow.apply(one).members();
        models.add(
            new ShadowModel(answers.forget(), members.forget(), answers.test(), members.test()));
      }
    }
    return models;
  }

  /** Models that were trained on the sample that fewest were, or that were not; 0 without any. */
  private static int fewest(List<ShadowModel> models, boolean trained) {
    if (models.isEmpty()) {
      return 0;
    }
    return Math.min(
        fewest(models, ShadowModel::forgetMember, trained),
        fewest(models, ShadowModel::testMember, trained));
  }

  private static int fewest(
      List<ShadowModel> models, Function<ShadowModel, boolean[]> mask, boolean trained) {
    int[] counts = new int[mask.apply(models.get(0)).length];
    for (ShadowModel model : models) {
      boolean[] members = mask.apply(model);
      for (int i = 0; i < counts.length; i++) {
        counts[i] += members[i] == trained ? 1 : 0;
      }
    }
    return Arrays.stream(counts).min().orElse(0);
  }

  /**
   * Of a method's runs of the first unlearning seed, one a training seed, against the gold models.
   *
   * @return null without an audit, with fewer than three pairs, or where the training seeds forget
   *     other samples
   */
  Forgetting forgetting(List<Plan.Cell> cells, String method) {
    List<double[]> unlearned = new ArrayList<>();
    List<double[]> retrained = new ArrayList<>();
    Utility ofUnlearned = new Utility();
    Utility ofRetrained = new Utility();
    int[] forget = cells.get(0).data().split().forget();
    for (Plan.Cell cell : cells) {
      if (cell.audit() == null || cell.gold() == null) {
        return null;
      }
      WorkItem run =
          cell.runs().stream()
              .filter(r -> r.method().name().equals(method))
              .findFirst()
              .orElseThrow()
              .item();
      Confidences own = confidences(cell, run);
      Confidences gold = confidences(cell, cell.gold());
      if (own == null || gold == null) {
        continue;
      }
      if (!Arrays.equals(forget, cell.data().split().forget())) {
        return null;
      }
      unlearned.add(own.forget());
      retrained.add(gold.forget());
      ofUnlearned.add(store.scores(run, cell.splitSha256()).readMetrics());
      ofRetrained.add(store.scores(cell.gold(), cell.splitSha256()).readMetrics());
    }
    if (unlearned.size() < ForgettingScore.LEAST_MODELS) {
      return null;
    }
    ForgettingScore score =
        ForgettingScore.of(unlearned.toArray(double[][]::new), retrained.toArray(double[][]::new));
    boolean useful = ofRetrained.retain > 0 && ofRetrained.test > 0;
    return new Forgetting(
        score.models(),
        score.quality(),
        useful
            ? (Double)
                score.score(
                    ofUnlearned.retain, ofUnlearned.test, ofRetrained.retain, ofRetrained.test)
            : null);
  }

  /** Sums of accuracies over as many models on either side, which serve as their means. */
  private static final class Utility {
    private double retain;
    private double test;

    void add(Metrics metrics) {
      retain += metrics.accRetain();
      test += metrics.accTest();
    }
  }
}
