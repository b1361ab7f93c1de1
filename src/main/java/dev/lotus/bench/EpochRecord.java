package dev.lotus.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;

/**
 * One whole run, as {@code lotus bench epoch --json} writes it.
 *
 * @param variant {@code engine} or {@code composed}
 * @param seconds preparation and epochs
 * @param evaluationSeconds afterwards; the engine evaluates the original and the unlearned model
 *     whole, the published code the unlearned one and the original on the test half
 * @param peakBytes most memory of the process during the run; 0 = not known
 */
public record EpochRecord(
    String model,
    @JsonProperty("image_size") int imageSize,
    int batch,
    int epochs,
    int forget,
    int retain,
    String device,
    int threads,
    String precision,
    String variant,
    double seconds,
    @JsonProperty("evaluation_seconds") double evaluationSeconds,
    @JsonProperty("peak_bytes") long peakBytes) {

  /** Both together. */
  public double allSeconds() {
    return seconds + evaluationSeconds;
  }

  /** This record for people. */
  public String line() {
    return String.format(
        Locale.ROOT,
        "%-10s %-9s %d epochs, %d forgotten of %d: %.1f s + %.1f s of evaluation = %.1f s; memory at most %.2f GB",
        model,
        variant,
        epochs,
        forget,
        forget + retain,
        seconds,
        evaluationSeconds,
        seconds + evaluationSeconds,
        peakBytes * 1e-9);
  }
}
