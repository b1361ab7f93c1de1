package dev.lotus.report;

import dev.lotus.metric.Metrics;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * One sentence saying what came out, from the metrics alone: which method came closest to the model
 * that never saw the forget set, closer than the original or not, at what test accuracy and in what
 * time.
 */
public final class Verdict {
  private Verdict() {}

  /** The sentence; says so where the metrics allow no judgement. */
  public static String of(List<RunSummary> runs) {
    RunSummary original = first(runs, RunSummary.Role.ORIGINAL);
    RunSummary retrained = first(runs, RunSummary.Role.RETRAINED);
    List<RunSummary> unlearned =
        runs.stream().filter(run -> run.role() == RunSummary.Role.UNLEARNED).toList();
    if (unlearned.isEmpty()) {
      return "No model was unlearned here, so there is nothing to judge.";
    }
    RunSummary best =
        unlearned.stream()
            .filter(run -> run.metrics().avgGap() != null)
            .min(Comparator.comparing(run -> run.metrics().avgGap()))
            .orElse(null);
    if (best != null && original != null && original.metrics().avgGap() != null) {
      return againstRetrained(best, original, retrained);
    }
    if (best != null) {
      String gap = Numbers.fraction(best.metrics().avgGap());
      return unlearned.size() > 1
          ? "Of the methods "
              + best.name()
              + " comes closest to the retrained model: average gap "
              + gap
              + "."
          : best.name() + " has an average gap of " + gap + " to the retrained model.";
    }
    return withoutRetrained(unlearned.get(0), original);
  }

  private static String againstRetrained(
      RunSummary best, RunSummary original, RunSummary retrained) {
    double gap = best.metrics().avgGap();
    double originalGap = original.metrics().avgGap();
    StringBuilder text = new StringBuilder();
    if (gap < originalGap) {
      text.append(best.name())
          .append(" brought the model closer to one that never saw the forget set: average gap ")
          .append(Numbers.fraction(gap))
          .append(" against ")
          .append(Numbers.fraction(originalGap))
          .append(" before");
    } else {
      text.append(
              "No method brought the model closer to one that never saw the forget set: the best, ")
          .append(best.name())
          .append(", has an average gap of ")
          .append(Numbers.fraction(gap))
          .append(", the original ")
          .append(Numbers.fraction(originalGap));
    }
    appendTest(text, best.metrics(), original.metrics());
    Double seconds = best.metrics().seconds();
    Double retraining = retrained == null ? null : retrained.metrics().seconds();
    if (seconds != null && retraining != null && seconds > 0) {
      text.append(", in ")
          .append(Numbers.seconds(seconds))
          .append(" s where retraining took ")
          .append(Numbers.seconds(retraining))
          .append(" s");
      if (retraining > seconds) {
        text.append(String.format(Locale.ROOT, " (%.1f times as long)", retraining / seconds));
      }
    }
    return text.append('.').toString();
  }

  private static String withoutRetrained(RunSummary run, RunSummary original) {
    Metrics m = run.metrics();
    if (m.mia() == null || original == null || original.metrics().mia() == null) {
      return "The metrics of "
          + run.name()
          + " allow no comparison: neither a retrained nor an original model"
          + " was scored beside it.";
    }
    double after = m.mia();
    double before = original.metrics().mia();
    StringBuilder text =
        new StringBuilder("After ").append(run.name()).append(" an attacker takes ");
    text.append(percent(after))
        .append(" of the forget set for training data, against ")
        .append(percent(before))
        .append(" before");
    appendTest(text, m, original.metrics());
    return text.append(
            "; without a retrained model there is no gold standard to say how low is right.")
        .toString();
  }

  private static void appendTest(StringBuilder text, Metrics model, Metrics original) {
    if (model.accTest() != null && original.accTest() != null) {
      text.append(", with test accuracy ")
          .append(Numbers.fraction(model.accTest()))
          .append(" (original ")
          .append(Numbers.fraction(original.accTest()))
          .append(')');
    }
  }

  private static String percent(double fraction) {
    return String.format(Locale.ROOT, "%.1f%%", 100 * fraction);
  }

  private static RunSummary first(List<RunSummary> runs, RunSummary.Role role) {
    return runs.stream().filter(run -> run.role() == role).findFirst().orElse(null);
  }
}
