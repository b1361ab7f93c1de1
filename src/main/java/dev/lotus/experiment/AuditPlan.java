package dev.lotus.experiment;

import dev.lotus.data.Dataset;
import dev.lotus.data.Split;
import dev.lotus.data.SplitMix;
import dev.lotus.device.InputException;
import dev.lotus.unlearn.TrainLoop;
import dev.lotus.unlearn.UnlearnConfig;
import dev.lotus.unlearn.UnlearnData;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What an audit of a cell takes: shadow models, which all methods share, and of each of them an
 * unlearned one a method. The training seed of the cell decides about none of them, so cells of one
 * split share them too.
 *
 * @param shadows trained like the original on D_r and on half of the forget and test samples
 * @param unlearned by method, in the file's order, and shadow model
 * @param relearn whether the models relearn
 */
record AuditPlan(List<Shadow> shadows, List<Unlearned> unlearned, boolean relearn) {
  /** Keeps the models' seeds apart from those in files. */
  private static final long SEEDS = 0x736861646f77L;

  /**
   * A shadow model: RMIA's reference as it is, and U-LiRA's once it is unlearned.
   *
   * @param number from 0
   * @param members of forget and test set
   * @param training the original's but for the seed
   */
  record Shadow(int number, Membership members, TrainLoop.Config training, WorkItem item) {
    String name() {
      return "Shadow model " + number;
    }

    /**
     * The images that this model is trained on: the forget set are the samples that it is to
     * unlearn, over training and held-out images ({@link Dataset#withHeldOutInTraining}); retain
     * and unseen data are the method's own, and so is the kind of forgetting.
     *
     * @param cell its test set is drawn; a method with unseen data of its own tests on all held-out
     *     images, which the shadow models know nothing of
     */
    UnlearnData data(UnlearnData of, Split cell) {
      Dataset dataset = of.dataset().withHeldOutInTraining();
      Split split = of.split();
      int train = of.dataset().train().size();
      return new UnlearnData(
          dataset,
          new Split(
              Split.SCHEMA,
              dataset.name(),
              dataset.sha256(),
              split.seed(),
              split.kind(),
              members.images(cell.forget(), cell.test(), train),
              split.retain(),
              split.val(),
              cell.test()));
    }
  }

  /**
   * A shadow model that a method made unlearn what it was trained on of forget and test set.
   *
   * @param method name of its row
   * @param config the method's but for the seed
   * @param unseen where the method's unseen data come from, or null
   * @param data unseen data of the method's own; forget and test are the cell's
   */
  record Unlearned(
      String method,
      Shadow shadow,
      UnlearnConfig config,
      String unseen,
      UnlearnData data,
      WorkItem item) {
    String name() {
      return method + ", shadow model " + shadow.number();
    }
  }

  /** The unlearned shadow models of a method. */
  List<Unlearned> of(String method) {
    return unlearned.stream().filter(run -> run.method().equals(method)).toList();
  }

  /**
   * @param cell with its runs, and no audit yet
   * @param identity what decides about the original
   * @throws InputException where there are too few test samples for an attack
   */
  static AuditPlan of(ExperimentSpec.Audit audit, Plan.Cell cell, Map<String, Object> identity) {
    List<Shadow> shadows = new ArrayList<>();
    List<Unlearned> unlearned = new ArrayList<>();
    Split split = cell.data().split();
    if (audit.models() > 0 && split.test().length < 2) {
      throw new InputException(
          "audit: data "
              + cell.dataSpec().name()
              + " have "
              + split.test().length
              + " test sample; attacks with shadow models need two");
    }
    String label = ", " + cell.model().name() + " on " + cell.dataSpec().name();
    for (int number = 0; number < audit.models(); number++) {
      shadows.add(shadow(audit, cell, identity, number, label));
    }
    String last = null;
    for (Plan.Unlearning run : cell.runs()) {
      String method = run.method().name();
      // Runs of a method differ in their seeds, and shadow models have seeds of their own.
      if (!method.equals(last)) {
        shadows.forEach(shadow -> unlearned.add(unlearned(cell, run, shadow, label)));
      }
      last = method;
    }
    return new AuditPlan(shadows, unlearned, audit.relearn());
  }

  private static Shadow shadow(
      ExperimentSpec.Audit audit,
      Plan.Cell cell,
      Map<String, Object> identity,
      int number,
      String label) {
    Split split = cell.data().split();
    // Not negative, as those in files.
    long seed = SplitMix.hash(SplitMix.hash(audit.seed(), SEEDS), number) >>> 1;
    TrainLoop.Config training =
        Plan.training(cell.model(), cell.data().dataset(), cell.arch(), seed);
    Map<String, Object> parts = new LinkedHashMap<>(identity);
    parts.put("training", training);
    parts.put("members_of_split", cell.splitSha256());
    parts.put("audit_seed", audit.seed());
    parts.put("number", number);
    return new Shadow(
        number,
        Membership.of(audit.seed(), number, split.forget().length, split.test().length),
        training,
        WorkItem.of(WorkItem.Kind.SHADOW, "Shadow model " + number + label, parts));
  }

  private static Unlearned unlearned(
      Plan.Cell cell, Plan.Unlearning run, Shadow shadow, String label) {
    UnlearnConfig config =
        Plan.config(run.method(), cell.data().dataset(), cell.arch(), shadow.training().seed());
    String unseen = run.method().unseen();
    Map<String, Object> parts = new LinkedHashMap<>();
    parts.put("shadow", shadow.item().sha256());
    parts.put("unseen", unseen == null ? null : run.data().dataset().sha256());
    parts.put("unlearning", config);
    String method = run.method().name();
    return new Unlearned(
        method,
        shadow,
        config,
        unseen,
        run.data(),
        WorkItem.of(
            WorkItem.Kind.UNLEARNED_SHADOW,
            method + ", shadow model " + shadow.number() + label,
            parts));
  }
}
