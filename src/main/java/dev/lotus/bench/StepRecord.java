package dev.lotus.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;

/**
 * The engine's step beside the published one, as {@code lotus bench step --json} writes it.
 *
 * @param variant {@code engine}
 * @param teacher {@code cached} where its logits are kept, {@code run} where it sees every batch
 * @param gflops nominal arithmetic of one engine step, in units of 1e9 operations
 * @param percentOfGemm rate of that arithmetic against large matrix products in the same precision
 * @param allocatedBytes what a step leaves to Java's garbage collector
 * @param jniCalls how often an engine step calls native code; null where nobody counted
 * @param replayed whether every measured step was one captured CUDA graph
 * @param peer {@code composed}
 */
public record StepRecord(
    String model,
    @JsonProperty("image_size") int imageSize,
    int batch,
    int classes,
    String device,
    int threads,
    String precision,
    String variant,
    String teacher,
    int steps,
    @JsonProperty("median_ms") double medianMs,
    @JsonProperty("p20_ms") double p20Ms,
    @JsonProperty("p80_ms") double p80Ms,
    @JsonProperty("images_per_s") double imagesPerS,
    double gflops,
    @JsonProperty("gemm_gflops_per_s") double gemmGflopsPerS,
    @JsonProperty("percent_of_gemm") double percentOfGemm,
    @JsonProperty("allocated_bytes") long allocatedBytes,
    @JsonProperty("jni_calls") Long jniCalls,
    boolean replayed,
    String peer,
    @JsonProperty("peer_median_ms") double peerMedianMs,
    double speedup,
    @JsonProperty("speedup_p20") double speedupP20,
    @JsonProperty("speedup_p80") double speedupP80) {

  /** The head of a table of {@link #line}s. */
  public static String head() {
    return String.format(
        "%-20s %5s %5s %-6s %-7s %-5s %10s %17s %9s %7s %9s %10s %12s %8s %13s",
        "model",
        "size",
        "batch",
        "type",
        "teacher",
        "graph",
        "median ms",
        "p20..p80",
        "images/s",
        "of GEMM",
        "JNI calls",
        "kB garbage",
        "composed ms",
        "speedup",
        "p20..p80");
  }

  /** This record for people. */
  public String line() {
    return String.format(
        Locale.ROOT,
        "%-20s %5d %5d %-6s %-7s %-5s %10.1f %17s %9.1f %6.0f%% %9s %10.1f %12.1f %7.2fx %13s",
        model,
        imageSize,
        batch,
        precision,
        teacher,
        replayed ? "yes" : "no",
        medianMs,
        String.format(Locale.ROOT, "%.1f..%.1f", p20Ms, p80Ms),
        imagesPerS,
        percentOfGemm,
        jniCalls == null ? "-" : jniCalls,
        allocatedBytes / 1e3,
        peerMedianMs,
        speedup,
        String.format(Locale.ROOT, "%.2f..%.2f", speedupP20, speedupP80));
  }
}
