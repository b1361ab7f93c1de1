package dev.lotus.unlearn;

import dev.lotus.device.InputException;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What the published code (cspartalis/LoTUS) does otherwise than the methods' papers: each can be
 * switched on alone. docs/fidelity.md has a line a quirk, which names the test of both behaviours.
 */
public enum UpstreamQuirk {
  /** Accuracies have two decimals before they set the temperature and stop LoTUS (eval.py:32). */
  ACCURACY_ROUNDING("lotus", "salun-lotus"),
  /** Gradients are negated while they are clear: plain descent on D_f, then on D_r. */
  NEGGRAD_DESCENT("neggrad+"),
  /** The divergence is divided by the number of classes too: {@code kl_div} with 'mean'. */
  BAD_TEACHER_KL_MEAN("bad-teacher"),
  /** No shuffling: all of D_f, then the share of D_r, in the same order every epoch. */
  BAD_TEACHER_UNSHUFFLED("bad-teacher"),
  /** The student that learns is thrown away; the original is what is returned. */
  SCRUB_NO_OP("scrub"),
  /** Importances and dampening once an epoch instead of once. */
  SSD_EVERY_EPOCH("ssd"),
  /** Importances from the square of each batch's mean gradient, not of each sample's gradient. */
  SSD_BATCH_GRADIENT("ssd"),
  /** Five passes of the noise in training mode, of which one makes the only step. */
  UNSIR_NOISE_STEP("unsir"),
  /** Impairing skips batches that are not full, and ends with the smaller set. */
  UNSIR_WHOLE_BATCHES("unsir"),
  /** Noise is clamped to [0, 1] although the images it stands for are normalised. */
  UNSIR_NOISE_CLAMP("unsir"),
  /** The mask zeroes gradients; weight decay and momentum still move what it holds. */
  SALUN_WEIGHT_DECAY("salun", "salun-lotus"),
  /** The repair phase trains all weights. */
  SALUN_UNMASKED_REPAIR("salun"),
  /** LoTUS within SalUn takes a forgotten class for samples: its unseen accuracy is that of val. */
  SALUN_LOTUS_CLASS("salun-lotus"),
  /** D_f and D_r are evaluated on augmented images, the temperature's accuracy included. */
  AUGMENTED_EVALUATION(UnlearnMethods.ALL),
  /**
   * MIA is computed first, image by image in training mode: BatchNorm takes each image's own
   * statistics, and the running ones that it leaves are what accuracies and JSD are computed with.
   */
  TRAINING_MODE_EVALUATION("finetune", "neggrad+", "random-label", "bad-teacher", "unsir", "salun");

  private static final String EVERY = "all";

  private final List<String> methods;

  UpstreamQuirk(String... methods) {
    this.methods = List.of(methods);
  }

  /** The name on the command line, such as {@code scrub-no-op}. */
  public String text() {
    return OptionWords.of(this);
  }

  /** Whether it changes anything about a method. */
  public boolean concerns(String method) {
    return methods.contains(method) || methods.contains(UnlearnMethods.ALL);
  }

  /**
   * Reads {@code all} or names with commas between them.
   *
   * @param text null = none
   * @param method {@code all} means those that concern it
   * @throws InputException if a name is unknown or does not concern the method
   */
  public static Set<UpstreamQuirk> parse(String text, String method) {
    EnumSet<UpstreamQuirk> chosen = EnumSet.noneOf(UpstreamQuirk.class);
    if (text == null) {
      return chosen;
    }
    for (String name : text.split(",", -1)) {
      if (name.equals(EVERY)) {
        chosen.addAll(Arrays.stream(values()).filter(q -> q.concerns(method)).toList());
        continue;
      }
      UpstreamQuirk quirk =
          Arrays.stream(values())
              .filter(q -> q.text().equals(name))
              .findFirst()
              .orElseThrow(
                  () ->
                      new InputException(
                          "--upstream-quirks "
                              + text
                              + ": there is no '"
                              + name
                              + "'; give all, or some of "
                              + names(List.of(values()))));
      if (!quirk.concerns(method)) {
        throw new InputException(
            "--upstream-quirks "
                + text
                + ": "
                + name
                + " belongs to "
                + String.join(", ", quirk.methods)
                + ", not to --method "
                + method);
      }
      chosen.add(quirk);
    }
    return Collections.unmodifiableSet(chosen);
  }

  /** Of names with commas between them those that do not belong to other methods alone. */
  public static String concerning(String text, String method) {
    String kept =
        Arrays.stream(text.split(",", -1))
            .filter(
                name ->
                    Arrays.stream(values()).noneMatch(q -> q.text().equals(name))
                        || Arrays.stream(values())
                            .anyMatch(q -> q.text().equals(name) && q.concerns(method)))
            .collect(Collectors.joining(","));
    return kept.isEmpty() && !text.isEmpty() ? null : kept;
  }

  /** The names with commas between them; what {@link #parse} reads. */
  public static String names(Collection<UpstreamQuirk> quirks) {
    return quirks.stream().map(UpstreamQuirk::text).collect(Collectors.joining(","));
  }
}
