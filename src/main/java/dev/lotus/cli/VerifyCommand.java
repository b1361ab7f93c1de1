package dev.lotus.cli;

import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.TorchRuntime;
import dev.lotus.kernel.Kernels;
import dev.lotus.metric.GoldenFile;
import dev.lotus.unlearn.GoldenCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lotus verify}: golden files of the published code against every backend. */
@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    description =
        "Check golden files, computed by the published code, against every backend: a line a file and backend.")
final class VerifyCommand implements Callable<Integer> {
  @Parameters(paramLabel = "DIR", description = "Folder of golden files (*.json).")
  Path folder;

  @Option(names = "--debug", description = "Print the stack of an error.")
  boolean debug;

  private int passed;
  private int failed;
  private int skipped;

  @Override
  public Integer call() {
    List<Path> files = files();
    TorchRuntime.load(0);
    String cudaReason = cudaReason();
    for (Path file : files) {
      String name = file.getFileName().toString().replaceFirst("\\.json$", "");
      try {
        check(file, name, cudaReason);
      } catch (InputException e) {
        failed++;
        System.out.printf("FAIL %s max_error=- [-] [%s]%n", name, e.getMessage());
      }
    }
    System.out.printf("%d passed, %d failed, %d skipped%n", passed, failed, skipped);
    return failed == 0 && passed > 0 ? Main.DONE : Main.FAILED;
  }

  private void check(Path file, String name, String cudaReason) {
    if (!GoldenCheck.knows(name)) {
      skip(name, "-", "family " + family(name) + " is not built yet");
      return;
    }
    GoldenFile golden = GoldenFile.read(file);
    if (!GoldenCheck.onDevices(name)) {
      check(golden, ComputeDevice.CPU, "java");
      return;
    }
    check(golden, ComputeDevice.CPU, "cpu");
    if (cudaReason.isEmpty()) {
      check(golden, ComputeDevice.parse("cuda"), "cuda");
    } else {
      skip(name, "cuda", cudaReason);
    }
  }

  /** The first letter; of the baselines, which share theirs, the method too: {@code f_salun}. */
  private static String family(String name) {
    String[] parts = name.split("_");
    return name.isEmpty()
        ? "-"
        : parts[0].equals("f") && parts.length > 1 ? "f_" + parts[1] : name.substring(0, 1);
  }

  private List<Path> files() {
    if (!Files.isDirectory(folder)) {
      throw new InputException(folder + ": no such folder of golden files");
    }
    try (Stream<Path> all = Files.list(folder)) {
      List<Path> files = all.filter(f -> f.toString().endsWith(".json")).sorted().toList();
      if (files.isEmpty()) {
        throw new InputException(folder + ": holds no golden file (*.json)");
      }
      return files;
    } catch (IOException e) {
      throw new InputException(folder + ": cannot be listed (" + e + ")", e);
    }
  }

  private static String cudaReason() {
    try {
      ComputeDevice.parse("cuda");
      return Kernels.unavailableReason(0);
    } catch (InputException e) {
      return ComputeDevice.reason();
    }
  }

  private void check(GoldenFile file, ComputeDevice device, String backend) {
    GoldenCheck.Outcome outcome = GoldenCheck.run(file, device);
    if (outcome.passed()) {
      passed++;
    } else {
      failed++;
    }
    System.out.printf(
        Locale.ROOT,
        "%s %s max_error=%.3g [%s]%s%n",
        outcome.passed() ? "PASS" : "FAIL",
        file.name(),
        outcome.maxError(),
        backend,
        outcome.passed() ? "" : " [" + outcome.failure() + "]");
  }

  private void skip(String name, String backend, String reason) {
    skipped++;
    System.out.printf("SKIP %s max_error=- [%s] [%s]%n", name, backend, reason);
  }
}
