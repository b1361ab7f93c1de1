package dev.lotus.report;

import dev.lotus.data.AtomicFiles;
import dev.lotus.data.Checksum;
import dev.lotus.device.InputException;
import dev.lotus.metric.Metrics;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A run folder: model.safetensors (written by the checkpoint's code; model.pt for a TorchScript
 * program), run.json, metrics.json, report.html, logits.safetensors where they were kept, and of an
 * unlearning split.json and certificate.json. Every file is written whole, so an interrupted run
 * leaves no half of one.
 *
 * @param path the folder; made by the first write
 */
public record RunFolder(Path path) {
  public Path model() {
    return path.resolve("model.safetensors");
  }

  /** Where a TorchScript program lies instead. */
  public Path torchScript() {
    return path.resolve("model.pt");
  }

  /** The model that is there: {@link #model()} unless there is only {@link #torchScript()}. */
  public Path savedModel() {
    return !Files.isRegularFile(model()) && Files.isRegularFile(torchScript())
        ? torchScript()
        : model();
  }

  public Path run() {
    return path.resolve("run.json");
  }

  public Path metrics() {
    return path.resolve("metrics.json");
  }

  public Path report() {
    return path.resolve("report.html");
  }

  /** What an unlearning run certifies of itself. */
  public Path certificate() {
    return path.resolve("certificate.json");
  }

  /** The certificate's signature, where it was signed. */
  public Path signature() {
    return path.resolve("certificate.sig");
  }

  /** The split that an unlearning run was given. */
  public Path split() {
    return path.resolve("split.json");
  }

  /** Where the outputs lie that the metrics were computed from, if they were kept. */
  public Path logits() {
    return path.resolve("logits.safetensors");
  }

  /**
   * Makes sure, before hours of work, that the folder can be written, and removes what killed
   * processes left of writes there.
   *
   * @throws InputException where it cannot
   */
  public void prepare() {
    if (AtomicFiles.silent()) {
      return;
    }
    Path probe = path.resolve(".probe");
    for (Path file :
        new Path[] {
          probe,
          model(),
          torchScript(),
          run(),
          metrics(),
          report(),
          logits(),
          split(),
          certificate(),
          signature()
        }) {
      AtomicFiles.deleteAbandoned(file);
    }
    AtomicFiles.write(probe, new byte[0]);
    try {
      Files.delete(probe);
      if (path.toFile().list().length == 0) {
        Files.delete(path);
      }
    } catch (IOException e) {
      throw new InputException(path + ": cannot be written (" + e + ")", e);
    }
  }

  /**
   * Removes what an earlier run left, so that no file speaks of another model than the one to come.
   * The models go first: none is ever without its run.json, which says how it is fed. The split of
   * the earlier run goes before the certificate, by which it is known.
   *
   * @param splitSha256 of the split of the run to come, which stays; null without one
   */
  public void clear(String splitSha256) {
    delete(model());
    delete(torchScript());
    if (holdsCertifiedSplit() && !Checksum.ofFile(split()).equals(splitSha256)) {
      delete(split());
    }
    for (Path file :
        new Path[] {report(), metrics(), logits(), signature(), certificate(), run()}) {
      delete(file);
    }
  }

  /**
   * Whether split.json is the one that certificate.json speaks of, and not a user's own.
   *
   * @throws InputException if the split cannot be read
   */
  public boolean holdsCertifiedSplit() {
    if (!Files.isRegularFile(split()) || !Files.isRegularFile(certificate())) {
      return false;
    }
    String certified;
    try {
      certified = Json.read(certificate(), "split_sha256", String.class);
    } catch (InputException e) {
      return false;
    }
    return certified.equals(Checksum.ofFile(split()));
  }

  /** Removes outputs that an earlier evaluation kept: they are not of the metrics to come. */
  public void eraseLogits() {
    delete(logits());
  }

  private static void delete(Path file) {
    if (AtomicFiles.silent()) {
      return;
    }
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be replaced (" + e + ")", e);
    }
  }

  /** True where the folder holds a run.json. */
  public boolean isRun() {
    return Files.isRegularFile(run());
  }

  /**
   * Whether all is there that the run writes, the last of it included.
   *
   * @param certifies whether it ends with a certificate, as unlearning does
   */
  public boolean isWhole(boolean certifies) {
    return isRun()
        && Files.isRegularFile(savedModel())
        && Files.isRegularFile(metrics())
        && (!certifies || Files.isRegularFile(certificate()));
  }

  /** Writes run.json. */
  public void write(RunRecord record) {
    AtomicFiles.write(run(), Json.bytes(record));
  }

  /** Writes metrics.json. */
  public void write(Metrics metrics) {
    AtomicFiles.write(metrics(), metrics.toJson());
  }

  /** Writes report.html. */
  public void write(ReportData data) {
    AtomicFiles.write(report(), HtmlReport.render(data).getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Reads run.json.
   *
   * @throws InputException where it is missing or malformed
   */
  public RunRecord readRun() {
    return Json.read(run(), RunRecord.class);
  }

  /**
   * Reads metrics.json.
   *
   * @throws InputException where it is missing or malformed
   */
  public Metrics readMetrics() {
    return Metrics.read(metrics());
  }
}
