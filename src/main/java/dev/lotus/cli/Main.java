package dev.lotus.cli;

import dev.lotus.device.InputException;
import dev.lotus.device.ResultException;
import dev.lotus.device.TorchRuntime;
import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;

/** Entry point: names the commands, and turns what they throw into one line and an exit status. */
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
      SplitCommand.class,
      TrainCommand.class,
      UnlearnCommand.class,
      EvaluateCommand.class,
      VerifyCommand.class
    },
    footer = {
      "",
      "Exit status: 0 done; 1 a result that failed; 2 wrong use, bad input or an unusable device;",
      "3 internal error; 130, 143 on signals."
    })
public final class Main {
  static final int DONE = 0;
  static final int FAILED = 1;
  static final int WRONG_USE = 2;
  static final int INTERNAL = 3;

  Main() {}

  public static void main(String[] args) {
    Signals.install();
    System.exit(run(args));
  }

  /** Runs a command line and returns its exit status. */
  static int run(String... args) {
    boolean debug = Arrays.asList(args).contains("--debug");
    CommandLine commandLine = new CommandLine(new Main());
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setParameterExceptionHandler(Main::wrongUse);
    commandLine.setExecutionExceptionHandler((error, command, result) -> report(error, debug));
    try {
      return args.length == 0 ? commandLine.execute("--help") : commandLine.execute(args);
    } catch (Error e) {
      return report(e, debug);
    }
  }

  private static int wrongUse(ParameterException error, String[] args) {
    CommandLine command = error.getCommandLine();
    System.err.println(
        "lotus: "
            + error.getMessage()
            + " (see `"
            + command.getCommandSpec().qualifiedName()
            + " --help`)");
    return WRONG_USE;
  }

  /** One line that says what was wrong; the stack only with {@code --debug}. */
  private static int report(Throwable error, boolean debug) {
    if (debug) {
      error.printStackTrace();
    }
    if (error instanceof InputException || error instanceof ResultException) {
      System.err.println("lotus: " + error.getMessage());
      return error instanceof InputException ? WRONG_USE : FAILED;
    }
    System.err.println(
        "lotus: internal error: "
            + error.getClass().getSimpleName()
            + ": "
            + TorchRuntime.firstLine(error)
            + "; run again with --debug");
    return INTERNAL;
  }
}
