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

/** Where and how a command computes, and what it says meanwhile. */
class ComputeOptions {
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

  /** Many short tasks are to come: where progress is lines, only a task that lasts gets its own. */
  boolean manyTasks;

  /** Rows that BatchNorm takes statistics over in training; null = a process's part of a batch. */
  Integer bnBatch;

  private Progress shown;

  Progress progress() {
    if (shown == null) {
      shown = Ranks.first() ? Verbosity.progress(verbosity) : Progress.standard(true);
    }
    return shown;
  }

  /** A line that no --quiet keeps back. */
  void tell(String line) {
    if (Ranks.first()) {
      System.err.println("lotus: " + line);
    }
  }

  /** Loads libtorch, sets threads, and says what {@code auto} chose. */
  Engine engine(Normalization normalization) {
    if (threads < 0) {
      throw new InputException("--threads " + threads + ": give 0 or more");
    }
    Precision arithmetic = Precision.parse(precision);
    int count = Ranks.threads(threads);
    TorchRuntime.load(count);
    Kernels.setNumThreads(count);
    ComputeDevice chosen = ComputeDevice.parse(Ranks.device(device));
    chosen.makeCurrent();
    if (device.equals("auto")) {
      progress().note("device: " + chosen.describe() + " (auto: " + ComputeDevice.reason() + ")");
    }
    return Engine.open(
            chosen,
            arithmetic,
            normalization,
            new ProgressListener(progress(), manyTasks && progress().mode() == Progress.Mode.LINES))
        .in(Ranks.open(chosen, progress()::note), bnBatch);
  }

  /** Shows the engine's work as one task after the other. */
  private static final class ProgressListener implements Engine.Listener {
    private static final long PATIENCE_NANOS = 5_000_000_000L;

    private final Progress progress;
    private final boolean patient;
    private Progress.Task task;
    private String what;
    private long left;
    private long begun;

    ProgressListener(Progress progress, boolean patient) {
      this.progress = progress;
      this.patient = patient;
    }

    @Override
    public void note(String line) {
      progress.note(line);
    }

    @Override
    public void begin(String name, long images) {
      what = name;
      left = images;
      begun = System.nanoTime();
      task = patient ? null : progress.start(what, images, "images");
    }

    @Override
    public void advance(long images) {
      left -= images;
      if (task != null) {
        task.step(images);
      } else if (System.nanoTime() - begun > PATIENCE_NANOS && left > 0) {
        task = progress.start(what, left, "images to go");
      }
    }

    @Override
    public void end() {
      if (task != null) {
        task.close();
      }
    }
  }
}
