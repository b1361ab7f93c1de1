package dev.lotus.cli;

import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Entry point: names the commands; what they throw becomes one line and an exit status. */
@Command(
    name = "lotus",
    description =
        "Machine unlearning with LoTUS: a classifier forgets chosen training samples in a few epochs.",
    mixinStandardHelpOptions = true,
    versionProvider = Versions.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      DemoCommand.class,
      InfoCommand.class,
      DataCommand.class,
      SplitCommand.class,
      TrainCommand.class,
      UnlearnCommand.class,
      EvaluateCommand.class,
      MetricsCommand.class,
      CertificateCommand.class,
      VerifyCommand.class,
      ExperimentCommand.class,
      LaunchCommand.class,
      BenchCommand.class
    },
    footer = {
      "",
      "Exit status: 0 done; 1 a result that failed; 2 wrong use, bad input or an unusable device;",
      "3 internal error or a lost process of several; 130, 143 on signals."
    })
public final class Main {
  static final int DONE = 0;
  static final int FAILED = 1;
  static final int WRONG_USE = 2;
  static final int INTERNAL = 3;

  Main() {}

  public static void main(String[] args) {
    Signals.install();
    Ranks.exit(run(args));
  }

  /** Runs a command line and returns its exit status. */
  static int run(String... args) {
    boolean debug = Arrays.asList(args).contains("--debug");
    CommandLine commandLine = new CommandLine(new Main());
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    // What follows the launched command's name is that command's.
    commandLine.getSubcommands().get("launch").setStopAtPositional(true);
    commandLine.setParameterExceptionHandler(ErrorReport::wrongUse);
    commandLine.setExecutionExceptionHandler(
        (error, command, result) -> ErrorReport.of(error, debug));
    try {
      return Ranks.part(commandLine.execute(args.length == 0 ? new String[] {"--help"} : args));
    } catch (Error e) {
      return ErrorReport.of(e, debug);
    }
  }
}
