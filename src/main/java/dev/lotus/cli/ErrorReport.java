package dev.lotus.cli;

import dev.lotus.device.InputException;
import dev.lotus.device.ResultException;
import dev.lotus.device.TorchRuntime;
import dev.lotus.dist.RankLostException;
import dev.lotus.unlearn.RunStoppedException;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** What went wrong, as one line on stderr and an exit status. */
final class ErrorReport {
  private ErrorReport() {}

  static int wrongUse(ParameterException error, String[] args) {
    CommandLine command = error.getCommandLine();
    System.err.println(
        "lotus: "
            + error.getMessage()
            + " (see `"
            + command.getCommandSpec().qualifiedName()
            + " --help`)");
    return Main.WRONG_USE;
  }

  /** One line that says what was wrong; the stack only with {@code --debug}. */
  static int of(Throwable error, boolean debug) {
    if (debug) {
      error.printStackTrace();
    }
    if (error instanceof RunStoppedException stopped) {
      return say("stopped; " + oneLine(error.getMessage()), 128 + stopped.signal());
    }
    if (error instanceof InputException || error instanceof ResultException) {
      return say(
          oneLine(error.getMessage()),
          error instanceof InputException ? Main.WRONG_USE : Main.FAILED);
    }
    if (error instanceof RankLostException) {
      return say(oneLine(error.getMessage()), Main.INTERNAL);
    }
    if (TorchRuntime.outOfMemory(error)) {
      return say(
          "out of memory: "
              + oneLine(TorchRuntime.firstLine(error))
              + "; give a smaller --batch, or take --precision bf16",
          Main.WRONG_USE);
    }
    if (error instanceof OutOfMemoryError) {
      return say(
          "out of memory for Java's own objects ("
              + oneLine(TorchRuntime.firstLine(error))
              + "): give it more, as LOTUS_JAVA_OPTS=-Xmx8g",
          Main.WRONG_USE);
    }
    return say(
        "internal error: "
            + error.getClass().getSimpleName()
            + ": "
            + TorchRuntime.firstLine(error)
            + "; run again with --debug",
        Main.INTERNAL);
  }

  private static int say(String line, int status) {
    System.err.println("lotus: " + line);
    Ranks.fail(line);
    return status;
  }

  /** A file's names may be in the text: none of them moves a terminal's cursor. */
  private static String oneLine(String text) {
    return String.valueOf(text).replaceAll("\\p{Cntrl}", "?");
  }
}
