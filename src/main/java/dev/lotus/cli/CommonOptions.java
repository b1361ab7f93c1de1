package dev.lotus.cli;

import dev.lotus.data.Normalization;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.Precision;
import dev.lotus.device.TorchRuntime;
import dev.lotus.kernel.Kernels;
import dev.lotus.report.Progress;
import dev.lotus.unlearn.Engine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** Options of every command that computes. */
final class CommonOptions {
  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "auto",
      description =
          "auto, cpu or cuda[:i] (default: ${DEFAULT-VALUE}); cuda without a usable GPU is an error.")
  String device;

  @Option(
      names = "--precision",
      paramLabel = "P",
      defaultValue = "fp32",
      description =
          "fp32, tf32 (GPU only) or bf16 arithmetic in the backbone (default: ${DEFAULT-VALUE}).")
  String precision;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "3407",
      description = "Seed of everything random (default: ${DEFAULT-VALUE}).")
  long seed;

  @Option(
      names = "--threads",
      paramLabel = "N",
      defaultValue = "0",
      description = "CPU threads; 0 = one a processor (default).")
  int threads;

  @ArgGroup(exclusive = true)
  Verbosity verbosity;

  @Option(names = "--debug", description = "Print the stack of an error.")
  boolean debug;

  /** How much is said on stderr while working. */
  static final class Verbosity {
    @Option(names = "--quiet", description = "No progress.")
    boolean quiet;

    @Option(names = "--progress", description = "Progress bars even where stderr is no terminal.")
    boolean progress;

    /** What the user chose; null = nothing. */
    static Progress progress(Verbosity chosen) {
      boolean forced = chosen != null && chosen.progress;
      return forced
          ? Progress.of(Progress.Mode.BAR)
          : Progress.standard(chosen != null && chosen.quiet);
    }
  }

  private Progress shown;

  Progress progress() {
    if (shown == null) {
      shown = Verbosity.progress(verbosity);
    }
    return shown;
  }

  /** Loads libtorch, sets threads, and says what {@code auto} chose. */
  Engine engine(Normalization normalization) {
    if (threads < 0) {
      throw new InputException("--threads " + threads + ": give 0 or more");
    }
    Precision arithmetic = Precision.parse(precision);
    TorchRuntime.load(threads);
    Kernels.setNumThreads(threads);
    ComputeDevice chosen = ComputeDevice.parse(device);
    if (arithmetic == Precision.TF32 && !chosen.cuda()) {
      throw new InputException("--precision tf32: only CUDA devices have it; take fp32 or bf16");
    }
    requireKernels(chosen);
    if (device.equals("auto")) {
      progress().note("device: " + chosen.describe() + " (auto: " + ComputeDevice.reason() + ")");
    }
    return new Engine(chosen, arithmetic, normalization, new ProgressListener(progress()));
  }

  /** The GPU's libtorch alone is not enough: the kernels must run there too. */
  private void requireKernels(ComputeDevice chosen) {
    String reason = Kernels.unavailableReason(chosen.nativeIndex());
    if (!reason.isEmpty()) {
      throw new InputException(
          "--device "
              + device
              + ": libtorch can use "
              + chosen
              + ", but the kernels cannot: "
              + reason);
    }
  }

  /** Shows the engine's work as one task after the other. */
  private static final class ProgressListener implements Engine.Listener {
    private final Progress progress;
    private Progress.Task task;

    ProgressListener(Progress progress) {
      this.progress = progress;
    }

    @Override
    public void begin(String what, long images) {
      task = progress.start(what, images, "images");
    }

    @Override
    public void advance(long images) {
      task.step(images);
    }

    @Override
    public void end() {
      task.close();
    }
  }
}
