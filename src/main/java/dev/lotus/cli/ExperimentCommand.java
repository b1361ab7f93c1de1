package dev.lotus.cli;

import dev.lotus.data.Normalization;
import dev.lotus.experiment.ExperimentFile;
import dev.lotus.experiment.ExperimentRun;
import dev.lotus.experiment.ExperimentSpec;
import dev.lotus.report.ExperimentResults;
import dev.lotus.report.ExperimentTables;
import dev.lotus.unlearn.Engine;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * {@code lotus experiment}: models by data by methods by seeds, resumable, as tables and a page.
 */
@Command(
    name = "experiment",
    mixinStandardHelpOptions = true,
    description =
        "Run every model on every data set with every method and seed of a file; what is finished is never made twice.")
final class ExperimentCommand implements Callable<Integer> {
  @Mixin ComputeOptions compute;

  @Parameters(
      paramLabel = "FILE",
      description = "The experiment, as YAML (config/ has the paper's; docs/experiments.md).")
  Path file;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder of the data sets, and of every relative path in the file (default: where the file says).")
  Path data;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "Where results.json, results.csv, tables.md, tables.tex and report.html go.")
  Path out;

  @Option(
      names = "--store",
      paramLabel = "DIR",
      description =
          "Where models are kept, for several experiments to share (default: store in --out).")
  Path store;

  @Mixin UntrustedOption trust;

  @Option(names = "--resume", description = "Go on in an --out that holds results.")
  boolean resume;

  @Option(
      names = "--bn-batch",
      paramLabel = "N",
      description =
          "BatchNorm in training takes the statistics of every N images of a batch: with the same N one process makes the models that many do (default: a process's part of the batch).")
  Integer bnBatch;

  @Override
  public Integer call() {
    Ranks.join();
    compute.bnBatch = TrainingOptions.checked(bnBatch);
    ExperimentSpec spec = ExperimentFile.read(file);
    ExperimentRun.Places places =
        new ExperimentRun.Places(out, store, data, resume, trust.untrusted);
    ExperimentRun.requireFree(spec, places);
    compute.manyTasks = true;
    Engine engine = compute.engine(Normalization.uniform(1, 0, 1));
    ExperimentResults results =
        ExperimentRun.run(spec, places, engine, line -> compute.progress().note(line));
    System.out.print(new ExperimentTables(results).markdown());
    System.out.printf("%nopen %s in a browser%n", out.resolve("report.html"));
    results
        .failures()
        .forEach(
            failure -> System.err.println("lotus: failed: " + ExperimentTables.sentence(failure)));
    return results.failures().isEmpty() ? Main.DONE : Main.FAILED;
  }
}
