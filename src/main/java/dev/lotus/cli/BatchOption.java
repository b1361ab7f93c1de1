package dev.lotus.cli;

import dev.lotus.backbone.Backbone;
import dev.lotus.data.ImageSet;
import dev.lotus.device.DeviceMemory;
import dev.lotus.device.InputException;
import dev.lotus.device.TorchRuntime;
import dev.lotus.report.RunFolder;
import dev.lotus.unlearn.Engine;
import dev.lotus.unlearn.RunIdentity;
import dev.lotus.unlearn.StepMemory;
import java.util.Locale;
import java.util.function.Consumer;
import picocli.CommandLine.Option;

/** How many images a step takes, and whether memory has room for them. */
final class BatchOption {
  private static final String AUTO = "auto";

  /** What {@code auto} takes where it fits: larger ones learn otherwise than what was published. */
  private static final int PUBLISHED = 128;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "128",
      description =
          "Images a step, of all processes together; auto = 128, or the largest power of two below that memory has room for (default: ${DEFAULT-VALUE}).")
  String words;

  private int chosen;

  /** Images a step, once {@link #choose} said so. */
  int number() {
    return chosen;
  }

  /**
   * Reads the number, or finds it: in what an interrupted run left in {@code folder}, or by
   * measuring two small steps.
   *
   * @param folder whose run goes on; null where a new one begins
   * @throws InputException if it is no number, or on one process's CPU if memory has no room for
   *     the step: the system would kill the process without a word
   */
  void choose(Engine engine, Backbone model, ImageSet images, RunFolder folder) {
    if (words.equals(AUTO)) {
      boolean decides = engine.group().rank() == 0;
      String found = decides ? String.valueOf(automatic(engine, model, images, folder)) : null;
      chosen = Integer.parseInt(engine.group().broadcast(found, "batch"));
      return;
    }
    try {
      chosen = Integer.parseInt(words);
    } catch (NumberFormatException e) {
      throw new InputException("--batch " + words + ": give a number of images, or auto", e);
    }
    if (chosen < 1) {
      throw new InputException("--batch " + words + ": give at least 1, or auto");
    }
    if (!engine.device().cuda() && engine.group().alone()) {
      requireRoom(engine, model, images);
    }
  }

  private int automatic(Engine engine, Backbone model, ImageSet images, RunFolder folder) {
    String kept = folder == null ? null : kept(folder, engine.listener()::note);
    if (kept != null) {
      return Integer.parseInt(kept);
    }
    int processes = engine.group().size();
    int share = Math.max(StepMemory.LEAST, PUBLISHED / processes);
    long available = share(engine);
    StepMemory step = StepMemory.of(engine, model, images, share, available);
    if (step == null) {
      throw new InputException("--batch auto: this system does not say what memory is in use");
    }
    int fitting = step.fitting(share, available);
    if (fitting == 0) {
      throw noRoom("--batch auto", step, available);
    }
    engine
        .listener()
        .note(
            String.format(
                Locale.ROOT,
                "batch: %d (auto: a step takes about %s, %s are free)",
                fitting * processes,
                bytes(step.bytes(fitting)),
                bytes(available)));
    return fitting * processes;
  }

  /** Of the memory that is free, this process's: processes on one CPU share it. */
  private static long share(Engine engine) {
    long available = DeviceMemory.availableBytes(engine.device());
    return engine.device().cuda() ? available : available / engine.group().size();
  }

  private static String kept(RunFolder folder, Consumer<String> notes) {
    String kept = RunIdentity.keptIn(folder.path(), notes).get("--batch");
    return kept == null && folder.isRun() ? folder.readRun().configuration().get("batch") : kept;
  }

  private void requireRoom(Engine engine, Backbone model, ImageSet images) {
    int rows = Math.min(chosen, images.size());
    long available = DeviceMemory.availableBytes(engine.device());
    StepMemory step = StepMemory.of(engine, model, images, rows, available);
    if (step != null && step.bytes(rows) > available) {
      throw new InputException(
          String.format(
              Locale.ROOT,
              "--batch %d: a step would take about %s, %s are free; %s",
              chosen,
              bytes(step.bytes(rows)),
              bytes(available),
              advice(step.fitting(rows, available))));
    }
  }

  /**
   * What to say where memory ran out: the batch that there is room for.
   *
   * @param error of libtorch's allocators; any other comes back as it is
   */
  RuntimeException explained(
      RuntimeException error, Engine engine, Backbone model, ImageSet images) {
    if (!TorchRuntime.outOfMemory(error)) {
      return error;
    }
    int processes = engine.group().size();
    int failed = Math.min(chosen, images.size());
    int smaller = Integer.highestOneBit(Math.max(1, (failed - 1) / processes));
    int fitting;
    try {
      DeviceMemory.release(engine.device());
      long available = share(engine);
      StepMemory step = StepMemory.of(engine, model, images, smaller, available);
      fitting = step == null ? 0 : step.fitting(smaller, available);
    } catch (RuntimeException e) {
      error.addSuppressed(e); // not even two images
      fitting = 0;
    }
    return new InputException(
        "out of memory with --batch "
            + chosen
            + ": "
            + TorchRuntime.firstLine(error)
            + "; "
            + advice(fitting * processes),
        error);
  }

  private static InputException noRoom(String what, StepMemory step, long available) {
    return new InputException(
        what
            + ": "
            + StepMemory.LEAST
            + " images take "
            + bytes(step.bytes(StepMemory.LEAST))
            + ", "
            + bytes(available)
            + " are free; "
            + advice(0));
  }

  private static String advice(int fitting) {
    return fitting == 0
        ? "take a smaller model, smaller images or --precision bf16"
        : "--batch " + fitting + " has room";
  }

  private static String bytes(double bytes) {
    return bytes < 1e9
        ? String.format(Locale.ROOT, "%.1f MB", bytes * 1e-6)
        : String.format(Locale.ROOT, "%.1f GB", bytes * 1e-9);
  }
}
