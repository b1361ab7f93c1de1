package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.SampleDigest;
import dev.lotus.report.Certificate;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A run certifies itself; whatever is changed afterwards fails its check and no other. */
class CertificateCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> FILES =
      List.of("model.safetensors", "run.json", "metrics.json", "split.json", "certificate.json");

  @TempDir static Path temp;
  private static Path original;
  private static Path made;
  private Path run;

  @BeforeAll
  static void unlearn() {
    original = temp.resolve("original");
    made = temp.resolve("made");
    String split = temp.resolve("split.json").toString();
    CommandRun.done("split", "--dataset", "synthetic", "--per-class", "10", "--out", split);
    CommandRun.done(
        "train",
        "--dataset",
        "synthetic",
        "--per-class",
        "10",
        "--model",
        "resnet20",
        "--width",
        "0.25",
        "--epochs",
        "1",
        "--quiet",
        "--out",
        original.toString());
    CommandRun.done(
        "unlearn",
        "--method",
        "finetune",
        "--original",
        original.toString(),
        "--dataset",
        "synthetic",
        "--per-class",
        "10",
        "--split",
        split,
        "--epochs",
        "1",
        "--quiet",
        "--out",
        made.toString());
  }

  @BeforeEach
  void copy() throws IOException {
    run = Files.createTempDirectory(temp, "run");
    for (String file : FILES) {
      Files.copy(made.resolve(file), run.resolve(file));
    }
  }

  private CommandRun verify(String... more) {
    return verify(original, more);
  }

  private CommandRun verify(Path unlearnedFrom, String... more) {
    return CommandRun.of(
        Stream.concat(
                Stream.of(
                    "certificate",
                    "verify",
                    run.toString(),
                    "--dataset",
                    "synthetic",
                    "--per-class",
                    "10",
                    "--original",
                    unlearnedFrom.toString()),
                Stream.of(more))
            .toArray(String[]::new));
  }

  private static List<String> failed(CommandRun result) {
    return result.out().lines().filter(line -> line.startsWith("FAIL")).toList();
  }

  @Test
  void anUntouchedRunPasses() {
    CommandRun result = verify();
    assertThat(result.status()).as(result.out() + result.err()).isZero();
    assertThat(result.out())
        .contains("PASS original weights", "PASS forget samples", "PASS metrics")
        .contains("SKIP signature")
        .endsWith("11 passed, 0 failed\n");
  }

  @ParameterizedTest
  @CsvSource({
    "original_sha256, original weights",
    "unlearned_sha256, unlearned weights",
    "data_sha256, data set",
    "split_sha256, split",
    "forget_sha256, forget samples",
    "forget_samples, forget samples",
    "method, method",
    "configuration.lr, configuration",
    "versions.pytorch, versions",
    "run_sha256, run record",
    "arithmetic.threads, arithmetic",
    "metrics.acc_forget, metrics"
  })
  void aChangedCertificateFailsThatCheckAlone(String place, String check) throws IOException {
    Path file = run.resolve("certificate.json");
    ObjectNode root = (ObjectNode) JSON.readTree(file.toFile());
    String[] names = place.split("\\.");
    ObjectNode holder = names.length == 1 ? root : (ObjectNode) root.path(names[0]);
    String name = names[names.length - 1];
    assertThat(holder.has(name)).isTrue();
    if (holder.path(name).isNumber()) {
      holder.put(name, holder.path(name).asInt() + 2);
    } else {
      holder.put(name, "0" + holder.path(name).asText());
    }
    Files.writeString(file, root.toString());
    CommandRun result = verify();
    assertThat(result.status()).as(result.err()).isEqualTo(1);
    assertThat(failed(result)).singleElement().asString().startsWith("FAIL " + check + ": ");
  }

  @ParameterizedTest
  @CsvSource({
    "model.safetensors, unlearned weights",
    "split.json, split",
    "run.json, run record",
    "metrics.json, metrics"
  })
  void aChangedFileFailsThatCheckAlone(String name, String check) throws IOException {
    Path file = run.resolve(name);
    switch (name) {
      case "model.safetensors" -> {
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
          bytes.seek(bytes.length() - 5);
          int value = bytes.read();
          bytes.seek(bytes.length() - 5);
          bytes.write(value ^ 1);
        }
      }
      case "split.json" -> Files.writeString(file, Files.readString(file) + " ");
      case "run.json" -> replace(file, "\"normalization\" : \"", "\"normalization\" : \" ");
      default -> replace(file, "\"acc_test\" : ", "\"acc_test\" : 0");
    }
    CommandRun result = verify();
    assertThat(result.status()).as(result.err()).isEqualTo(1);
    assertThat(failed(result)).singleElement().asString().startsWith("FAIL " + check + ": ");
  }

  private static void replace(Path file, String from, String to) throws IOException {
    String text = Files.readString(file);
    assertThat(text).contains(from);
    // 0.9 becomes 0.0.9 in no JSON: the value is replaced whole.
    Files.writeString(
        file,
        from.endsWith(": ")
            ? text.replaceFirst("(" + from + ")[^,\n]+", "$10.125")
            : text.replace(from, to));
  }

  @ParameterizedTest
  @CsvSource({"original_sha256", "forget_sha256", "method", "metrics", "versions.pytorch"})
  void whatIsMissingIsNeitherVerifiedNorSigned(String place) throws Exception {
    Path file = run.resolve("certificate.json");
    ObjectNode root = (ObjectNode) JSON.readTree(file.toFile());
    String[] names = place.split("\\.");
    (names.length == 1 ? root : (ObjectNode) root.path(names[0])).putNull(names[names.length - 1]);
    Files.writeString(file, root.toString());
    KeyPair keys = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    String secret = pem("secret.pem", "PRIVATE KEY", keys.getPrivate().getEncoded()).toString();
    for (CommandRun result :
        List.of(verify(), CommandRun.of("certificate", "sign", run.toString(), "--key", secret))) {
      assertThat(result.status()).isEqualTo(2);
      assertThat(result.err()).contains("certificate.json: " + place + " is ");
    }
    assertThat(run.resolve("certificate.sig")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource({"split.json, forget samples", "run.json, method", "metrics.json, metrics"})
  void aTruncatedFileFailsItsChecks(String name, String check) throws IOException {
    Path file = run.resolve(name);
    for (int length : new int[] {20, 0}) {
      Files.writeString(file, Files.readString(file).substring(0, length));
      CommandRun result = verify();
      assertThat(result.status()).as(result.err()).isEqualTo(1);
      assertThat(failed(result)).anyMatch(line -> line.startsWith("FAIL " + check + ": "));
    }
    Files.delete(file);
    assertThat(failed(verify())).anyMatch(line -> line.startsWith("FAIL " + check + ": "));
  }

  @Test
  void whatWasNotCertifiedIsNamed() throws IOException {
    Path file = run.resolve("metrics.json");
    String text = Files.readString(file);
    Files.writeString(file, text.replaceFirst("\\{", "{ \"better\" : 1, "));
    CommandRun more = verify();
    assertThat(more.status()).isZero();
    assertThat(more.out()).contains("PASS metrics: not certified: better\n");
    Files.writeString(file, text.replaceFirst("\\{", "{ \"acc_test\" : 1, "));
    assertThat(failed(verify()))
        .singleElement()
        .asString()
        .startsWith("FAIL metrics: there is none");
  }

  @Test
  void aCertificateSaysNothingTwiceAndNothingMore() throws IOException {
    Path file = run.resolve("certificate.json");
    String text = Files.readString(file);
    for (String bad :
        List.of(
            text.replaceFirst("\\{", "{ \"method\" : \"retrain\", "),
            text.replaceFirst("\\{", "{ \"approved\" : \"yes\", "),
            text.replaceFirst("(\"metrics\" : \\{)", "$1 \"acc_test\" : 1, "),
            text.replaceFirst("(\"forget_samples\" : [0-9]+)", "$1.5"),
            text + "{}")) {
      Files.writeString(file, bad);
      CommandRun result = verify();
      assertThat(result.status()).as(bad).isEqualTo(2);
      assertThat(result.err()).contains("certificate.json: line ");
    }
  }

  @Test
  void placesAreLeftOut() {
    assertThat(Certificate.withoutPlaces(Map.of("unseen", "x", "data", "y", "lr", "1")))
        .containsOnlyKeys("lr");
  }

  @Test
  void itNamesNoPlaceOfTheMachine() throws IOException {
    assertThat(Files.readString(run.resolve("certificate.json"))).doesNotContain(temp.toString());
  }

  @Test
  void anotherOriginalFails() throws IOException {
    CommandRun result = verify(made);
    assertThat(result.status()).isEqualTo(1);
    assertThat(failed(result)).singleElement().asString().startsWith("FAIL original weights");
  }

  @Test
  void otherDataFailAndAMissingModelToo() throws IOException {
    Files.delete(run.resolve("model.safetensors"));
    CommandRun result =
        CommandRun.of(
            "certificate",
            "verify",
            run.toString(),
            "--dataset",
            "synthetic",
            "--per-class",
            "11",
            "--original",
            original.toString());
    assertThat(result.status()).as(result.err()).isEqualTo(1);
    assertThat(failed(result))
        .anyMatch(line -> line.startsWith("FAIL data set"))
        .anyMatch(line -> line.matches("FAIL unlearned weights: .*there is none that can be read"));
  }

  /** The definition of the digest, by other means. */
  @Test
  void theForgetDigestIsAsDocumented() throws Exception {
    Dataset data = Datasets.open("synthetic", null, 0);
    MessageDigest list = MessageDigest.getInstance("SHA-256");
    int[] indices = {3, 0, 17};
    for (int index : indices) {
      byte[] pixels = new byte[3 * 32 * 32];
      data.train().read(index, pixels, 0);
      MessageDigest one = MessageDigest.getInstance("SHA-256");
      String head = "sample 3 32 32 " + data.train().label(index) + "\0";
      one.update(head.getBytes(StandardCharsets.US_ASCII));
      list.update(one.digest(pixels));
    }
    assertThat(SampleDigest.ofList(data.train(), indices))
        .isEqualTo(HexFormat.of().formatHex(list.digest()))
        .isNotEqualTo(SampleDigest.ofList(data.train(), new int[] {0, 3, 17}));
  }

  private Path pem(String name, String kind, byte[] content) throws IOException {
    String text =
        "-----BEGIN "
            + kind
            + "-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content)
            + "\n-----END "
            + kind
            + "-----\n";
    return Files.writeString(run.resolve(name), text);
  }

  @Test
  void signedItPassesByItsKeyOnly() throws Exception {
    KeyPair keys = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    KeyPair others = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    String secret = pem("secret.pem", "PRIVATE KEY", keys.getPrivate().getEncoded()).toString();
    String open = pem("open.pem", "PUBLIC KEY", keys.getPublic().getEncoded()).toString();
    String other = pem("other.pem", "PUBLIC KEY", others.getPublic().getEncoded()).toString();
    CommandRun unsigned = verify("--public-key", open);
    assertThat(unsigned.status()).isEqualTo(1);
    assertThat(failed(unsigned)).containsExactly("FAIL signature: there is no certificate.sig");
    CommandRun.done("certificate", "sign", run.toString(), "--key", secret);
    assertThat(verify("--public-key", open).out()).contains("PASS signature").contains("0 failed");
    assertThat(failed(verify("--public-key", other)))
        .containsExactly("FAIL signature: not of this certificate by this key");
    // One blank more in the certificate changes nothing but its bytes.
    Path certificate = run.resolve("certificate.json");
    Files.writeString(certificate, Files.readString(certificate) + " ");
    assertThat(failed(verify("--public-key", open)))
        .containsExactly("FAIL signature: not of this certificate by this key");
    Files.copy(
        made.resolve("certificate.json"),
        certificate,
        java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    Files.writeString(run.resolve("certificate.sig"), "no base64 !");
    assertThat(verify("--public-key", open).status()).isEqualTo(1);
    CommandRun wrongKind = verify("--public-key", secret);
    assertThat(wrongKind.status()).isEqualTo(2);
    assertThat(wrongKind.err()).contains("BEGIN PUBLIC KEY");
    // Begin and end share their dashes.
    Path empty =
        Files.writeString(run.resolve("a"), "-----BEGIN PUBLIC KEY-----END PUBLIC KEY-----");
    assertThat(verify("--public-key", empty.toString()).err()).contains("no PEM file");
  }

  @Test
  void aFolderWithoutCertificateIsWrongUse() {
    CommandRun result = CommandRun.of("certificate", "sign", temp.toString(), "--key", "none.pem");
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.err()).contains("holds no certificate.json");
  }
}
