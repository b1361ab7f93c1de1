package dev.lotus.cli;

import dev.lotus.data.AtomicFiles;
import dev.lotus.report.Json;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Option;

/** Where a benchmark's records go. */
final class BenchRecords {
  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the records, one a line of the output, as JSON.")
  Path json;

  void write(List<?> records) {
    if (json != null) {
      AtomicFiles.write(json, Json.bytes(records));
    }
  }
}
