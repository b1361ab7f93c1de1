package dev.lotus.experiment;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.lotus.track.TrackingSettings;
import java.util.List;

/**
 * What an experiment's file says, checked and with its defaults filled in: every model on every
 * data set, unlearned by every method, once a pair of training and unlearning seed.
 *
 * @param name a word for folders and titles
 * @param title what readers see
 * @param seeds the nested seeds
 * @param data what is to be forgotten of what
 * @param models what is trained
 * @param methods what unlearns
 * @param audit what is found out beyond the metrics, or null. Left out of JSON where it is null: an
 *     experiment without one is named by the same hash as before there were any
 * @param tracking dashboards that are told; no part of what the experiment is
 */
@JsonNaming(SnakeCaseStrategy.class)
public record ExperimentSpec(
    String name,
    String title,
    Seeds seeds,
    List<DataSpec> data,
    List<ModelSpec> models,
    List<MethodSpec> methods,
    @JsonInclude(JsonInclude.Include.NON_NULL) Audit audit,
    @JsonIgnore TrackingSettings tracking) {

  /**
   * @param models shadow models, half of which are trained on each forget and test sample; 0 = none
   * @param relearn whether to count the epochs that bring the forget set back
   * @param seed of the shadow models: what they are trained on, their weights and orders
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Audit(int models, boolean relearn, long seed) {}

  /**
   * @param training seeds of originals and gold models
   * @param unlearning seeds of the runs from each original; empty = the training seed itself, as
   *     published
   * @param split seed of the halves of the held-out set; null = the training seed, as published
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Seeds(List<Long> training, List<Long> unlearning, Long split) {
    List<Long> unlearningOf(long trainingSeed) {
      return unlearning.isEmpty() ? List.of(trainingSeed) : unlearning;
    }

    long splitOf(long trainingSeed) {
      return split == null ? trainingSeed : split;
    }
  }

  /**
   * A data set and its forget set.
   *
   * @param name of the table it belongs to
   * @param dataset one of {@link dev.lotus.data.Datasets#names()}
   * @param place where its files are; null = where the command line says
   * @param imageSize side of the images, 0 = the set's own
   * @param perClass training images a class, 0 = all, -1 = as published
   * @param heldOut share of training to hold out where nothing is, 0 = none
   * @param skipBadImages leave damaged files out
   * @param forget the forget set
   */
  @JsonNaming(SnakeCaseStrategy.class)
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record DataSpec(
      String name,
      String dataset,
      String place,
      int imageSize,
      int perClass,
      double heldOut,
      boolean skipBadImages,
      Forget forget) {}

  /**
   * One of four ways to name a forget set; all null = the published one.
   *
   * @param fraction the first samples of each class
   * @param shuffle draw them by the split's seed instead
   * @param classLabel a whole class: its number, or its name
   * @param indices a file of training indices
   */
  @JsonNaming(SnakeCaseStrategy.class)
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Forget(Double fraction, Boolean shuffle, String classLabel, String indices) {}

  /**
   * @param name of the table it belongs to
   * @param architecture one of {@link dev.lotus.backbone.Backbones#names()}
   * @param width factor on the channels
   * @param weights file that training goes on from, or null for new weights
   * @param normalize as {@code --normalize}, or null for the data set's own
   * @param train of originals and gold models alike; null = the original is the given weights as
   *     they are, and there is no gold model
   */
  @JsonNaming(SnakeCaseStrategy.class)
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record ModelSpec(
      String name,
      String architecture,
      double width,
      String weights,
      String normalize,
      Training train) {}

  /**
   * @param schedule {@code warmup} or {@code constant}
   * @param augment true = the data set's published augmentation
   */
  @JsonNaming(SnakeCaseStrategy.class)
  public record Training(
      int epochs, int batch, double lr, double weightDecay, String schedule, boolean augment) {}

  /**
   * A method with its settings; see {@link dev.lotus.unlearn.UnlearnConfig}.
   *
   * @param name of its row
   * @param lr null = the method's published one
   * @param weightDecay null = the method's published one
   * @param beta NegGrad+'s weight of the retained samples
   * @param upstreamQuirks as {@code --upstream-quirks}, or null
   * @param unseen folder of images that stand for unseen data while this method unlearns, or null
   */
  @JsonNaming(SnakeCaseStrategy.class)
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record MethodSpec(
      String name,
      String method,
      int epochs,
      int batch,
      Double lr,
      Double weightDecay,
      boolean augment,
      double retainFraction,
      double alpha,
      Double tau,
      Integer accuracyRounding,
      String forgetTarget,
      String retainTarget,
      double beta,
      String upstreamQuirks,
      String unseen) {}
}
