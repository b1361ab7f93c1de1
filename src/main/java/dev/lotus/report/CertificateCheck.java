package dev.lotus.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Compares a certificate with what files and data say now, a line a check. */
public final class CertificateCheck {
  /**
   * One comparison.
   *
   * @param name of what was compared
   * @param passed whether both are the same
   * @param detail what differs, or what is there that was not certified; else empty
   */
  public record Line(String name, boolean passed, String detail) {
    /** {@code PASS name} or {@code FAIL name: detail}. */
    public String text() {
      return (passed ? "PASS " : "FAIL ") + name + (detail.isEmpty() ? "" : ": " + detail);
    }
  }

  /**
   * What is there now, computed anew.
   *
   * @param originalSha256 of the weights file that is said to be the original
   * @param unlearnedSha256 of the run folder's weights file; null = missing
   * @param dataSha256 of the data set
   * @param splitSha256 of the run folder's split; null = missing
   * @param forgetSamples of that split
   * @param forgetSha256 of the samples it names; null where they cannot be read
   * @param runSha256 of the folder's run.json; null = missing
   * @param run the folder's run.json; null where it cannot be read
   * @param metrics the folder's metrics.json, by {@link Certificate#measuredIn}; null where it
   *     cannot be read
   */
  public record Found(
      String originalSha256,
      String unlearnedSha256,
      String dataSha256,
      String splitSha256,
      int forgetSamples,
      String forgetSha256,
      String runSha256,
      RunRecord run,
      Map<String, Double> metrics) {}

  private final List<Line> lines = new ArrayList<>();

  private CertificateCheck() {}

  /** The lines in the order of the certificate. */
  public static List<Line> of(Certificate certificate, Found found) {
    CertificateCheck check = new CertificateCheck();
    check.same("original weights", certificate.originalSha256(), found.originalSha256());
    check.same("unlearned weights", certificate.unlearnedSha256(), found.unlearnedSha256());
    check.same("data set", certificate.dataSha256(), found.dataSha256());
    check.same("split", certificate.splitSha256(), found.splitSha256());
    check.same(
        "forget samples",
        certificate.forgetSamples() + " samples " + certificate.forgetSha256(),
        found.forgetSha256() == null
            ? null
            : found.forgetSamples() + " samples " + found.forgetSha256());
    check.same("run record", certificate.runSha256(), found.runSha256());
    RunRecord run = found.run();
    check.same("method", certificate.method(), run == null ? null : run.method());
    check.same(
        "configuration",
        certificate.configuration(),
        run == null ? null : Certificate.withoutPlaces(run.configuration()));
    check.same("versions", certificate.versions(), run == null ? null : run.versions());
    check.same("arithmetic", certificate.arithmetic(), run == null ? null : run.arithmetic());
    check.metrics(certificate.metrics(), found.metrics());
    return check.lines;
  }

  private void same(String name, String certified, String now) {
    // What is not there is never the same, whatever was certified.
    boolean equal = now != null && now.equals(certified);
    String is = now == null ? "there is none that can be read" : "is " + now;
    lines.add(new Line(name, equal, equal ? "" : "certified " + certified + ", " + is));
  }

  private void same(String name, Map<String, ?> certified, Map<String, ?> now) {
    List<String> differences = changed(certified, now);
    (now == null ? Map.<String, Object>of() : now)
        .forEach(
            (key, value) -> {
              if (!certified.containsKey(key)) {
                differences.add(key + " not certified, is " + value);
              }
            });
    lines.add(new Line(name, differences.isEmpty(), String.join("; ", differences)));
  }

  /** A later evaluation may have measured more, which is named, but nothing else. */
  private void metrics(Map<String, Double> certified, Map<String, Double> now) {
    List<String> differences = changed(certified, now);
    boolean passed = differences.isEmpty();
    if (passed) {
      List<String> more = new ArrayList<>(now.keySet());
      more.removeAll(certified.keySet());
      if (!more.isEmpty()) {
        differences.add("not certified: " + String.join(", ", more));
      }
    }
    lines.add(new Line("metrics", passed, String.join("; ", differences)));
  }

  private static List<String> changed(Map<String, ?> certified, Map<String, ?> now) {
    List<String> differences = new ArrayList<>();
    if (now == null) {
      differences.add("there is none that can be read");
      return differences;
    }
    certified.forEach(
        (key, value) -> {
          if (!value.equals(now.get(key))) {
            differences.add(key + " certified " + value + ", is " + now.get(key));
          }
        });
    return differences;
  }
}
