package dev.lotus.cli;

import dev.lotus.data.AtomicFiles;
import dev.lotus.data.Checksum;
import dev.lotus.data.SampleDigest;
import dev.lotus.data.Split;
import dev.lotus.device.InputException;
import dev.lotus.metric.Metrics;
import dev.lotus.report.Certificate;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunRecord;
import dev.lotus.unlearn.UnlearnData;
import java.nio.file.Files;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** Writes the certificate of an unlearning run. */
final class Certification {
  private Certification() {}

  /**
   * Before any work: the run folder will take the split, and no split of the user's own goes for
   * it.
   *
   * @throws InputException where the folder holds another split than the given one and than that of
   *     the run which certified itself there
   */
  static void check(RunFolder folder, Split.Source split) {
    if (!Files.exists(folder.split())) {
      return;
    }
    String held = Checksum.ofFile(folder.split());
    if (held.equals(split.sha256())) {
      return;
    }
    if (!folder.holdsCertifiedSplit()) {
      throw new InputException(
          folder.split()
              + " is another split than the one given, and the run would replace it: move it away"
              + " or give another --out");
    }
  }

  /**
   * Puts the split and certificate.json into a finished run folder.
   *
   * @param originalSha256 of the original's weights file
   * @throws InputException if a file cannot be written
   */
  static void write(
      RunFolder folder,
      RunRecord record,
      String originalSha256,
      Split.Source split,
      UnlearnData data,
      Metrics metrics) {
    if (AtomicFiles.silent()) {
      return;
    }
    AtomicFiles.write(folder.split(), split.bytes());
    int[] forget = data.split().forget();
    new Certificate(
            Certificate.SCHEMA,
            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            record.method(),
            originalSha256,
            Checksum.ofFile(folder.savedModel()),
            record.dataSha256(),
            split.sha256(),
            forget.length,
            SampleDigest.ofList(data.dataset().train(), forget),
            Checksum.ofFile(folder.run()),
            Certificate.withoutPlaces(record.configuration()),
            record.versions(),
            record.arithmetic(),
            Certificate.measured(metrics.toMap()))
        .write(folder.certificate());
  }
}
