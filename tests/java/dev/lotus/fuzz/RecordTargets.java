package dev.lotus.fuzz;

import static dev.lotus.fuzz.FuzzTarget.golden;
import static dev.lotus.fuzz.FuzzTarget.text;

import dev.lotus.experiment.ExperimentFile;
import dev.lotus.metric.GoldenFile;
import dev.lotus.metric.Metrics;
import dev.lotus.metric.StoredLogits;
import dev.lotus.metric.StoredMetrics;
import dev.lotus.report.Certificate;
import dev.lotus.report.CertificateSignature;
import dev.lotus.report.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;

/** What runs, experiments and other frameworks leave: JSON, YAML, PEM and outputs of models. */
final class RecordTargets {
  static final List<String> NAMES =
      List.of(
          "run-json",
          "certificate",
          "public-key",
          "metrics-json",
          "golden-json",
          "logits",
          "experiment");

  /** X.509 of the Ed25519 key of RFC 8410, section 10.1. */
  private static final String KEY =
      "-----BEGIN PUBLIC KEY-----\n"
          + "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
          + "-----END PUBLIC KEY-----\n";

  private RecordTargets() {}

  static FuzzTarget target(String name, Path folder) throws IOException {
    return switch (name) {
      case "run-json" -> {
        RunFolder run = new RunFolder(folder);
        yield FuzzTarget.file(run.run(), file -> run.readRun(), text(runJson()));
      }
      case "certificate" ->
          FuzzTarget.of(
              bytes -> Certificate.parse(bytes, Path.of("fuzz")), text(certificateJson()));
      case "public-key" -> publicKey(folder);
      case "metrics-json" ->
          FuzzTarget.of(
              bytes -> Metrics.fromJson(bytes, "fuzz"),
              text("{\"schema\":1,\"acc_forget\":0.5,\"jsd\":null,\"rmia_few\":3,\"ks_p\":1e-3}"));
      case "golden-json" ->
          FuzzTarget.file(
              folder.resolve("a.json"),
              GoldenFile::read,
              text(
                  "{\"meta\":{\"seed\":1},\"arrays\":{\"a\":{\"shape\":[2,2],\"dtype\":\"float32\","
                      + "\"data\":[1,2.5,-3e-5,4]},\"b\":{\"shape\":[],\"dtype\":\"int64\","
                      + "\"data\":[7]}}}"));
      case "logits" ->
          FuzzTarget.file(
              folder.resolve("a.safetensors"),
              RecordTargets::metrics,
              golden("metrics/b_rand_8x10.safetensors"),
              golden("metrics/c_rfjsd_10cls_missing3.safetensors"),
              golden("metrics/d_mia_nogap.safetensors"));
      case "experiment" ->
          FuzzTarget.file(folder.resolve("a.yaml"), ExperimentFile::read, config("demo.yaml"));
      default -> throw new IllegalArgumentException("no parser " + name);
    };
  }

  private static byte[] config(String name) throws IOException {
    return Files.readAllBytes(
        Path.of(System.getProperty("lotus.basedir", "."), "config").resolve(name));
  }

  private static void metrics(Path file) {
    try (StoredLogits logits = StoredLogits.open(file)) {
      StoredMetrics.of(logits);
    }
  }

  private static FuzzTarget publicKey(Path folder) throws IOException {
    Path signature = folder.resolve("certificate.sig");
    Files.write(signature, text(Base64.getEncoder().encodeToString(new byte[64])));
    return FuzzTarget.file(
        folder.resolve("key.pem"),
        key -> CertificateSignature.verify(new byte[10], key, signature),
        text(KEY));
  }

  private static String runJson() {
    return "{\"schema\":1,\"command\":\"unlearn\",\"method\":\"lotus\",\"seed\":3,\"device\":\"CPU\","
        + "\"model\":{\"name\":\"resnet20\",\"classes\":10,\"width\":0.25},\"normalization\":\"none\","
        + "\"configuration\":{\"epochs\":\"3\"},\"versions\":{\"lotus\":\"0.1.0\"},"
        + "\"data_sha256\":\"ab\",\"split_sha256\":null,\"phase_seconds\":{\"epochs\":1.5},"
        + "\"trace\":[{\"epoch\":1,\"tau\":2.0,\"acc_forget\":0.9,\"acc_unseen\":null,\"loss\":1e-3,"
        + "\"phases\":{\"impair\":2.3},\"seconds\":0.5}]}";
  }

  private static String certificateJson() {
    return "{\"schema\":1,\"created\":\"2026-01-01T00:00:00Z\",\"method\":\"lotus\","
        + "\"original_sha256\":\"a\",\"unlearned_sha256\":\"b\",\"data_sha256\":\"c\","
        + "\"split_sha256\":\"d\",\"forget_samples\":3,\"forget_sha256\":\"e\","
        + "\"run_sha256\":\"f\",\"arithmetic\":{\"threads\":\"2\"},"
        + "\"configuration\":{\"epochs\":\"3\"},\"versions\":{\"java\":\"17\"},"
        + "\"metrics\":{\"acc_forget\":0.5}}";
  }
}
