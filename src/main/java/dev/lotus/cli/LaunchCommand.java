package dev.lotus.cli;

import dev.lotus.device.InputException;
import dev.lotus.dist.Place;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code lotus launch}: a command by several processes of this machine. */
@Command(
    name = "launch",
    mixinStandardHelpOptions = true,
    description =
        "Run train, unlearn, evaluate or experiment by several processes of this machine that share each batch (docs/cluster.md).")
final class LaunchCommand implements Callable<Integer> {
  private static final List<String> SHARED = List.of("train", "unlearn", "evaluate", "experiment");

  @Option(
      names = "-n",
      paramLabel = "N",
      required = true,
      description = "Processes; one a GPU, or a few of a CPU's cores each.")
  int processes;

  @Option(
      names = "--timeout",
      paramLabel = "S",
      defaultValue = "" + Place.TIMEOUT_SECONDS,
      description = "Longest wait of one for the others, in seconds (default: ${DEFAULT-VALUE}).")
  int timeout;

  @Option(names = "--debug", description = "Print the stack of an error.")
  boolean debug;

  @Parameters(paramLabel = "COMMAND", arity = "1..*", description = "The command with its options.")
  List<String> command;

  @Override
  public Integer call() {
    if (processes < 1 || processes > 1024) {
      throw new InputException("-n " + processes + ": give 1 to 1024 processes");
    }
    if (timeout < 1) {
      throw new InputException("--timeout " + timeout + ": give at least 1 second");
    }
    if (!SHARED.contains(command.get(0))) {
      throw new InputException(
          "launch "
              + command.get(0)
              + ": processes share train, unlearn, evaluate and experiment only");
    }
    return new Launcher(processes, timeout, command).run();
  }
}
