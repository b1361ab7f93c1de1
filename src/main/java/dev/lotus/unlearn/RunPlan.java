package dev.lotus.unlearn;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.data.Split;
import dev.lotus.device.ProcessMemory;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * What an unlearning run will take, from a probe: the same method over a corner of D_f, D_r and the
 * held-out sets that is large enough for about ten steps. Each phase's time a batch and its
 * arithmetic are scaled by the sizes of the sets; every epoch after the first is taken to be like
 * the second.
 *
 * @param epochs most epochs; LoTUS may stop earlier
 * @param trainingImages images that steps are taken with, in all epochs together
 * @param evaluatedImages images that only pass forward, teacher's and evaluations' in the run
 * @param flops operations of both and of a teacher that sees each batch; NaN where the model's are
 *     not known
 * @param imageBytes bytes of the images read
 * @param unlearningSeconds what {@link UnlearnLoop.Result#seconds} will be
 * @param evaluationSeconds of two models on all four sets, afterwards
 * @param peakBytes most memory that this process had, the probe's included; 0 = not known
 */
public record RunPlan(
    int epochs,
    long trainingImages,
    long evaluatedImages,
    double flops,
    double imageBytes,
    double unlearningSeconds,
    double evaluationSeconds,
    long peakBytes) {
  /** Steps of the probe's epoch; the first ones warm up ({@link EpochRunner#warmUp}). */
  private static final int STEPS = 12;

  private static final int EVALUATED = 4 * Evaluator.BATCH;
  private static final int PROBED_EPOCHS = 2;

  /**
   * Probes the run on its device; {@code original} and {@code data} stay as they are.
   *
   * @param engine whose listener hears nothing of the probe
   */
  public static RunPlan of(
      Engine engine, Backbone original, UnlearnData data, UnlearnConfig config) {
    UnlearnMethod method = UnlearnMethods.entry(config.method()).factory().create(config);
    int epochs = method.epochs(config);
    int batch = method.batch(config);
    method.close();
    Split split = data.split();
    long samples = (long) split.forget().length + split.retain().length;
    double wanted =
        (double) STEPS
            * batch
            / (split.forget().length + config.retainFraction() * split.retain().length);
    UnlearnData corner = new UnlearnData(data.dataset(), corner(split, Math.min(1, wanted)));
    double scale =
        (double) samples / (corner.split().forget().length + corner.split().retain().length);
    int probed = Math.min(epochs, PROBED_EPOCHS);
    PlanProbe probe = new PlanProbe(EpochRunner.warmUp(engine.device()));
    UnlearnLoop.toTheEnd(engine.telling(probe), config.with(probed, config.fixedTau()))
        .run(original, corner, epoch -> probe.epochOver())
        .model()
        .close();
    probe.over();
    ImageSet images = data.dataset().train();
    double seen = probe.trainingImages(epochs) + probe.evaluatedImages(epochs);
    return new RunPlan(
        epochs,
        Math.round(probe.trainingImages(epochs) * scale),
        Math.round(probe.evaluatedImages(epochs) * scale),
        probe.flops(epochs) * scale,
        seen * scale * images.imageBytes(),
        probe.seconds(epochs, scale),
        2 * evaluationSeconds(engine, original, data) * images(split) / EVALUATED,
        ProcessMemory.peakBytes());
  }

  /** Of {@link #EVALUATED} images, from as many as there are of them. */
  private static double evaluationSeconds(Engine engine, Backbone original, UnlearnData data) {
    PlanProbe probe = new PlanProbe(EpochRunner.warmUp(engine.device()));
    int[] some = part(data.split().retain(), EVALUATED);
    new Evaluator(engine.telling(probe))
        .statistics(original, data.dataset().train(), some, "retain");
    probe.over();
    return probe.seconds(1, (double) EVALUATED / some.length);
  }

  private static long images(Split split) {
    return List.of(split.forget(), split.retain(), split.val(), split.test()).stream()
        .mapToLong(set -> set.length)
        .sum();
  }

  /** That share of each set, at least one sample. */
  private static Split corner(Split split, double share) {
    return new Split(
        Split.SCHEMA,
        split.dataset(),
        split.dataSha256(),
        split.seed(),
        split.kind(),
        share(split.forget(), share),
        share(split.retain(), share),
        share(split.val(), share),
        share(split.test(), share));
  }

  private static int[] share(int[] set, double share) {
    return part(set, (int) Math.max(1, Math.round(share * set.length)));
  }

  private static int[] part(int[] set, int most) {
    return Arrays.copyOf(set, Math.min(set.length, most));
  }

  /** What came of it, in a line. */
  public String compared(double unlearning, double evaluation) {
    return String.format(
        Locale.ROOT,
        "plan: %.1f s + %.1f s; taken: %.1f s + %.1f s (%+.0f%% in all)",
        unlearningSeconds,
        evaluationSeconds,
        unlearning,
        evaluation,
        100 * ((unlearning + evaluation) / (unlearningSeconds + evaluationSeconds) - 1));
  }

  /** The plan in lines. */
  public String text() {
    return String.format(
        Locale.ROOT,
        "plan: at most %d epochs; %,d images trained on, %,d more evaluated on the way%n"
            + "plan: %s; %.1f MB of images read; memory up to now %.2f GB%n"
            + "plan: %.1f s of unlearning, then %.1f s of evaluation",
        epochs,
        trainingImages,
        evaluatedImages,
        Double.isNaN(flops)
            ? "operations not known for this model"
            : String.format(Locale.ROOT, "%.2f T operations", flops * 1e-12),
        imageBytes * 1e-6,
        peakBytes * 1e-9,
        unlearningSeconds,
        evaluationSeconds);
  }
}
