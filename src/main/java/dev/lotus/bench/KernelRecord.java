package dev.lotus.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;

/**
 * One operation beside one peer, as {@code lotus bench kernels --json} writes it. Times are
 * microseconds a call. {@code percentOfCopy} sets the bytes moved against a large copy, {@code
 * percentOfFloor} the time against {@link KernelBenchmark#floorMicros}, which is the copy's where
 * an operation computes little. What has no peer has null.
 */
public record KernelRecord(
    String op,
    String backend,
    String dtype,
    long rows,
    long cols,
    int threads,
    @JsonProperty("median_us") double medianUs,
    @JsonProperty("p20_us") double p20Us,
    @JsonProperty("p80_us") double p80Us,
    long bytes,
    double gbps,
    @JsonProperty("percent_of_copy") double percentOfCopy,
    String peer,
    @JsonProperty("peer_median_us") Double peerMedianUs,
    Double speedup,
    @JsonProperty("floor_us") double floorUs,
    @JsonProperty("percent_of_floor") double percentOfFloor) {

  /** The head of a table of {@link #line}s. */
  public static String head() {
    return String.format(
        "%-22s %-5s %12s %12s %21s %7s %6s %6s  %-17s %12s %8s",
        "operation",
        "type",
        "shape",
        "median us",
        "p20..p80",
        "GB/s",
        "copy",
        "floor",
        "peer",
        "median us",
        "speedup");
  }

  /** This record for people. */
  public String line() {
    return String.format(
            Locale.ROOT,
            "%-22s %-5s %12s %12.1f %21s %7.2f %5.0f%% %5.0f%%  %-17s %12s %8s",
            op,
            dtype,
            rows + "x" + cols,
            medianUs,
            String.format(Locale.ROOT, "%.1f..%.1f", p20Us, p80Us),
            gbps,
            percentOfCopy,
            percentOfFloor,
            peer == null ? "-" : peer,
            peer == null ? "" : String.format(Locale.ROOT, "%.1f", peerMedianUs),
            peer == null ? "" : String.format(Locale.ROOT, "%.1fx", speedup))
        .stripTrailing();
  }
}
