package dev.lotus.cli;

import dev.lotus.bench.BenchShape;
import dev.lotus.bench.Ceilings;
import dev.lotus.bench.KernelBench;
import dev.lotus.bench.KernelBench.Case;
import dev.lotus.bench.KernelBenchmarks;
import dev.lotus.bench.KernelBenchmarks.Definition;
import dev.lotus.bench.KernelRecord;
import dev.lotus.cli.ComputeOptions.Verbosity;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.TorchRuntime;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.Kernels;
import dev.lotus.report.Progress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.global.torch;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code lotus bench}: how fast this machine runs what the engine is made of. */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    description = "Measure how fast this machine is, beside libtorch.",
    synopsisSubcommandLabel = "(kernels | step | epoch)",
    subcommands = {BenchCommand.OfKernels.class, BenchStepCommand.class, BenchEpochCommand.class})
final class BenchCommand implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "bench: say what to measure: kernels, step or epoch");
  }

  /** {@code lotus bench kernels}. */
  @Command(
      name = "kernels",
      mixinStandardHelpOptions = true,
      description =
          "Time each kernel beside the same computation composed of libtorch operations, with as many threads, in turn.")
  static final class OfKernels implements Callable<Integer> {
    @Mixin BenchRecords output;

    @Option(
        names = "--op",
        paramLabel = "NAME,...",
        split = ",",
        description = "Operations, as in lotus.h (default: all).")
    List<String> ops = new ArrayList<>();

    @Option(
        names = "--shape",
        paramLabel = "RxC,...",
        split = ",",
        description =
            "Rows x classes; images x channels x height x width; resnet18. Default: each operation's own.")
    List<String> shapes = new ArrayList<>();

    @Option(
        names = "--dtype",
        paramLabel = "T,...",
        split = ",",
        defaultValue = "fp32",
        description = "fp32, bf16, fp16 (default: ${DEFAULT-VALUE}).")
    List<String> dtypes = new ArrayList<>();

    @Option(
        names = "--threads",
        paramLabel = "N",
        defaultValue = "0",
        description = "CPU threads of both sides; 0 = one a processor (default).")
    int threads;

    @Option(
        names = "--seconds",
        paramLabel = "S",
        defaultValue = "1",
        description = "How long a side is measured (default: ${DEFAULT-VALUE}).")
    double seconds;

    @ArgGroup(exclusive = true)
    Verbosity verbosity;

    @Option(names = "--debug", description = "Print the stack of an error.")
    boolean debug;

    @Override
    public Integer call() {
      if (threads < 0) {
        throw new InputException("--threads " + threads + ": give 0 or more");
      }
      if (!(seconds > 0 && seconds <= 3600)) {
        throw new InputException("--seconds " + seconds + ": give more than 0, at most 3600");
      }
      List<Definition> definitions =
          ops.isEmpty() ? KernelBenchmarks.all() : ops.stream().map(KernelBenchmarks::of).toList();
      List<BenchShape> chosen = shapes.stream().map(BenchShape::parse).toList();
      List<DType> types = dtypes.stream().map(OfKernels::type).toList();
      List<Case> cases = KernelBench.cases(definitions, chosen, types);
      requireAllUsed(definitions, chosen, types, cases);
      Progress progress = Verbosity.progress(verbosity);
      TorchRuntime.load(threads);
      Kernels.setNumThreads(threads);
      List<KernelRecord> records = new ArrayList<>(run(ComputeDevice.CPU, cases, progress));
      String reason = cudaReason();
      if (reason.isEmpty()) {
        records.addAll(run(ComputeDevice.parse("cuda"), cases, progress));
      } else {
        progress.note("cuda: skipped (" + reason + ")");
      }
      output.write(records);
      return Main.DONE;
    }

    /** What was named and cannot be measured is not left out in silence. */
    private void requireAllUsed(
        List<Definition> definitions,
        List<BenchShape> chosen,
        List<DType> types,
        List<Case> cases) {
      for (Definition each : definitions) {
        if (!ops.isEmpty() && cases.stream().noneMatch(c -> c.definition() == each)) {
          throw new InputException(
              "--op "
                  + each.op()
                  + ": it takes "
                  + each.shapes().get(0).kind().words()
                  + " in "
                  + each.types().stream().map(KernelBench::name).collect(Collectors.joining(", "))
                  + "; none of these is among --shape and --dtype");
        }
      }
      for (BenchShape shape : chosen) {
        if (cases.stream().noneMatch(c -> c.shape() == shape)) {
          throw new InputException(
              "--shape " + shape + ": no operation to measure takes " + shape.kind().words());
        }
      }
      for (DType type : types) {
        if (cases.stream().noneMatch(c -> c.dtype() == type)) {
          throw new InputException(
              "--dtype " + KernelBench.name(type) + ": no operation to measure takes it");
        }
      }
    }

    /** A shape of the right kind may still be none for the operation, or too large. */
    private static List<KernelRecord> measured(KernelBench bench, Case each) {
      try {
        return bench.run(each);
      } catch (IllegalArgumentException e) {
        throw new InputException(
            "bench " + each + ": " + e.getMessage() + "; give another --shape", e);
      } catch (OutOfMemoryError e) {
        throw new InputException("bench " + each + ": out of memory; give a smaller --shape", e);
      }
    }

    private List<KernelRecord> run(ComputeDevice device, List<Case> cases, Progress progress) {
      KernelBench bench = new KernelBench(device, torch.get_num_threads(), seconds);
      Ceilings ceilings = bench.ceilings();
      System.out.printf(
          Locale.ROOT,
          "%s, %d threads: copy %.1f GB/s; an element: word %.2f ns, Gumbel draw %.2f ns, exponential %.2f ns%n",
          device.describe(),
          torch.get_num_threads(),
          ceilings.copyBytesPerMicro() * 1e-3,
          ceilings.wordMicros() * 1e3,
          ceilings.drawMicros() * 1e3,
          ceilings.exponentialMicros() * 1e3);
      List<KernelRecord> records = new ArrayList<>();
      System.out.println(KernelRecord.head());
      try (Progress.Task task = progress.start("kernels on " + device, cases.size(), "cases")) {
        for (Case each : cases) {
          for (KernelRecord record : measured(bench, each)) {
            records.add(record);
            System.out.println(record.line());
          }
          task.step(1);
        }
      }
      return records;
    }

    private static String cudaReason() {
      String reason = Kernels.unavailableReason(0);
      return reason.isEmpty() && !ComputeDevice.parse("auto").cuda()
          ? ComputeDevice.reason()
          : reason;
    }

    private static DType type(String name) {
      return Arrays.stream(DType.values())
          .filter(type -> KernelBench.name(type).equals(name))
          .findFirst()
          .orElseThrow(() -> new InputException("--dtype " + name + ": give fp32, bf16 or fp16"));
    }
  }
}
