package dev.lotus.report;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What report.html is made of.
 *
 * @param title heading of the page, such as the command and the data set
 * @param verdict one sentence saying what came out; null has it written from the metrics ({@link
 *     Verdict})
 * @param runs the models, in the order they shall be listed after the retrained one
 * @param versions of this program, Java and the libraries, in order
 */
public record ReportData(
    String title, String verdict, List<RunSummary> runs, Map<String, String> versions) {
  public ReportData {
    Objects.requireNonNull(title, "title");
    runs = List.copyOf(runs);
    versions =
        Collections.unmodifiableMap(
            versions == null ? new LinkedHashMap<>() : new LinkedHashMap<>(versions));
  }
}
