package dev.lotus.cli;

import dev.lotus.data.AtomicFiles;
import dev.lotus.data.Checksum;
import dev.lotus.data.SampleDigest;
import dev.lotus.device.InputException;
import dev.lotus.metric.Metrics;
import dev.lotus.report.Certificate;
import dev.lotus.report.RunFolder;
import dev.lotus.report.RunRecord;
import dev.lotus.unlearn.UnlearnData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** Writes the certificate of an unlearning run. */
final class Certification {
  private Certification() {}

  /**
   * Puts the split and certificate.json into a finished run folder.
   *
   * @param originalSha256 of the original's weights file
   * @throws InputException if the split is no more the one of the run, or a file cannot be written
   */
  static void write(
      RunFolder folder,
      RunRecord record,
      String originalSha256,
      Path splitFile,
      UnlearnData data,
      Metrics metrics) {
    try {
      byte[] split = Files.readAllBytes(splitFile);
      if (!Checksum.ofBytes(split).equals(record.splitSha256())) {
        throw new InputException(splitFile + " was changed while the run was under way");
      }
      AtomicFiles.write(folder.split(), split);
    } catch (IOException e) {
      throw new InputException(splitFile + ": cannot be read (" + e + ")", e);
    }
    int[] forget = data.split().forget();
    new Certificate(
            Certificate.SCHEMA,
            Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
            record.method(),
            originalSha256,
            Checksum.ofFile(folder.savedModel()),
            record.dataSha256(),
            record.splitSha256(),
            forget.length,
            SampleDigest.ofList(data.dataset().train(), forget),
            Certificate.withoutPlaces(record.configuration()),
            record.versions(),
            Certificate.measured(metrics.toMap()))
        .write(folder.certificate());
  }
}
