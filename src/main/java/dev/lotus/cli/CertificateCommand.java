package dev.lotus.cli;

import dev.lotus.data.Checksum;
import dev.lotus.data.Dataset;
import dev.lotus.data.SampleDigest;
import dev.lotus.data.Split;
import dev.lotus.device.InputException;
import dev.lotus.report.Certificate;
import dev.lotus.report.CertificateCheck;
import dev.lotus.report.CertificateCheck.Found;
import dev.lotus.report.CertificateCheck.Line;
import dev.lotus.report.CertificateSignature;
import dev.lotus.report.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lotus certificate}: checks or signs what an unlearning run certified. */
@Command(
    name = "certificate",
    mixinStandardHelpOptions = true,
    description = "Verify or sign the certificate of an unlearning run.",
    synopsisSubcommandLabel = "(verify | sign)",
    subcommands = {
      CertificateCommand.VerifyCertificateCommand.class,
      CertificateCommand.SignCommand.class
    })
final class CertificateCommand implements Callable<Integer> {
  @Override
  public Integer call() {
    throw new InputException("lotus certificate: name verify or sign");
  }

  /**
   * A run folder's certificate, read once: what is compared is what is signed.
   *
   * @param content the file's bytes
   */
  private record Certified(RunFolder run, byte[] content, Certificate certificate) {
    static Certified read(Path folder) {
      RunFolder run = new RunFolder(folder);
      if (!Files.isRegularFile(run.certificate())) {
        throw new InputException(
            folder + " holds no certificate.json; name the folder that lotus unlearn wrote");
      }
      try {
        byte[] content = Files.readAllBytes(run.certificate());
        return new Certified(run, content, Certificate.parse(content, run.certificate()));
      } catch (IOException e) {
        throw new InputException(run.certificate() + ": cannot be read (" + e + ")", e);
      }
    }
  }

  /** {@code lotus certificate verify}. */
  @Command(
      name = "verify",
      mixinStandardHelpOptions = true,
      description =
          "Compute every checksum of the certificate anew: a line PASS or FAIL each; exit status 1 where one failed.")
  static final class VerifyCertificateCommand implements Callable<Integer> {
    @Mixin DataOptions data;

    @Parameters(paramLabel = "RUNDIR", description = "The run folder that lotus unlearn wrote.")
    Path folder;

    @Option(
        names = "--original",
        paramLabel = "MODEL",
        required = true,
        description = "The model that was unlearned from: a run folder or its weights file.")
    Path original;

    @Option(
        names = "--public-key",
        paramLabel = "FILE",
        description = "Check the signature too: PEM, Ed25519.")
    Path publicKey;

    @Option(names = "--debug", description = "Print the stack of an error.")
    boolean debug;

    @Override
    public Integer call() {
      Certified certified = Certified.read(folder);
      List<Line> lines =
          new ArrayList<>(CertificateCheck.of(certified.certificate, found(certified.run)));
      if (publicKey != null) {
        lines.add(signature(certified.run, certified.content));
      }
      lines.forEach(line -> System.out.println(line.text()));
      if (publicKey == null) {
        System.out.println("SKIP signature: give --public-key FILE");
      }
      long failed = lines.stream().filter(line -> !line.passed()).count();
      System.out.printf("%d passed, %d failed%n", lines.size() - failed, failed);
      return failed == 0 ? Main.DONE : Main.FAILED;
    }

    private Found found(RunFolder run) {
      Path weights = ModelSource.weightsFile(original);
      if (!Files.isRegularFile(weights)) {
        throw new InputException("--original " + original + ": there is no weights file");
      }
      Dataset dataset = data.open();
      int[] forget = null;
      String forgetSha256 = null;
      if (Files.isRegularFile(run.split())) {
        forget = readable(() -> Split.read(run.split()).forget());
      }
      if (forget != null) {
        int size = dataset.train().size();
        // Of other data than the split's: a failed check, not a wrong command.
        if (Arrays.stream(forget).allMatch(index -> index < size)) {
          forgetSha256 = digest(dataset, forget);
        }
      }
      return new Found(
          Checksum.ofFile(weights),
          sha256(run.savedModel()),
          dataset.sha256(),
          sha256(run.split()),
          forget == null ? 0 : forget.length,
          forgetSha256,
          sha256(run.run()),
          readable(run::readRun),
          readable(() -> Certificate.measuredIn(run.metrics())));
    }

    /** Null where a file of the run is missing or damaged: its checks then fail. */
    private static <T> T readable(Supplier<T> file) {
      try {
        return file.get();
      } catch (InputException e) {
        System.err.println("note: " + e.getMessage());
        return null;
      }
    }

    /** What was forgotten is read once more, and not left behind decoded. */
    private String digest(Dataset dataset, int[] forget) {
      try {
        return SampleDigest.ofList(dataset.train(), forget);
      } finally {
        if (!data.keepCache) {
          dataset.train().eraseCached(forget);
        }
      }
    }

    private static String sha256(Path file) {
      return Files.isRegularFile(file) ? Checksum.ofFile(file) : null;
    }

    private Line signature(RunFolder run, byte[] content) {
      if (!Files.isRegularFile(run.signature())) {
        return new Line("signature", false, "there is no " + run.signature().getFileName());
      }
      boolean good = CertificateSignature.verify(content, publicKey, run.signature());
      return new Line("signature", good, good ? "" : "not of this certificate by this key");
    }
  }

  /** {@code lotus certificate sign}. */
  @Command(
      name = "sign",
      mixinStandardHelpOptions = true,
      description = "Sign certificate.json; certificate.sig takes the signature.")
  static final class SignCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RUNDIR", description = "The run folder that lotus unlearn wrote.")
    Path folder;

    @Option(
        names = "--key",
        paramLabel = "FILE",
        required = true,
        description = "Private key: PEM, PKCS#8, Ed25519 (openssl genpkey -algorithm ed25519).")
    Path key;

    @Option(names = "--debug", description = "Print the stack of an error.")
    boolean debug;

    @Override
    public Integer call() {
      // What verify would refuse is refused here, too: it is not signed.
      Certified certified = Certified.read(folder);
      CertificateSignature.sign(certified.content, key, certified.run.signature());
      System.out.println(certified.run.signature());
      return Main.DONE;
    }
  }
}
