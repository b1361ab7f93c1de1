package dev.lotus.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/** The command line is a promise: a change of it must be made here too, on purpose. */
class CommandLineTest {
  private static final Path ROOT = Path.of(System.getProperty("lotus.basedir", "."));

  @Test
  void theSurfaceIsFrozen() throws IOException {
    List<String> lines = new ArrayList<>();
    surface("", new CommandLine(new Main()), lines);
    assertThat(lines)
        .containsExactlyElementsOf(
            Files.readAllLines(ROOT.resolve("tests/golden/command-line.txt")));
  }

  /** The arguments and options of a command's commands, and of theirs in turn. */
  private static void surface(String prefix, CommandLine parent, List<String> lines) {
    new TreeMap<>(parent.getSubcommands())
        .forEach(
            (name, command) -> {
              CommandSpec spec = command.getCommandSpec();
              String path = prefix + name + " ";
              spec.positionalParameters().forEach(p -> lines.add(path + p.paramLabel()));
              List<String> options = new ArrayList<>();
              spec.options()
                  .forEach(
                      o ->
                          options.add(
                              path
                                  + o.longestName()
                                  + (o.typeInfo().isBoolean() ? "" : " " + o.paramLabel())
                                  + (o.required() && o.group() == null ? " (required)" : "")
                                  + (o.defaultValue() == null ? "" : " = " + o.defaultValue())));
              options.sort(null);
              lines.addAll(options);
              surface(path, command, lines);
            });
  }

  /** Each command and option that the README shows exists. */
  @Test
  void theReadmesCommandsExist() throws IOException {
    Map<String, CommandLine> commands = new CommandLine(new Main()).getSubcommands();
    int checked = 0;
    for (String line :
        Files.readString(ROOT.resolve("README.md")).replace("\\\n", " ").lines().toList()) {
      if (!line.strip().startsWith("./lotus ")) {
        continue;
      }
      // What is launched is a command like any other.
      String[] words = line.strip().replace(" launch -n 4 ", " ").split("\\s+");
      if (words[1].startsWith("-")) {
        continue;
      }
      assertThat(commands).as(line).containsKey(words[1]);
      CommandLine command = commands.get(words[1]);
      command = command.getSubcommands().getOrDefault(words.length > 2 ? words[2] : "", command);
      for (String word : words) {
        if (word.startsWith("--")) {
          assertThat(command.getCommandSpec().findOption(word))
              .as(word + " in " + line)
              .isNotNull();
          checked++;
        }
      }
    }
    assertThat(checked).isGreaterThan(5);
  }

  @Test
  void helpIsPrintedWithoutLoadingAnythingNative() {
    assertThat(CommandRun.of("--help").out()).contains("unlearn", "Exit status");
    for (String command : new CommandLine(new Main()).getSubcommands().keySet()) {
      CommandRun run = CommandRun.of(command, "--help");
      assertThat(run.status()).isZero();
      assertThat(run.out()).startsWith("Usage: lotus " + command);
      assertThat(run.err()).isEmpty();
    }
    assertThat(CommandRun.of("--version").out()).startsWith("lotus ");
  }

  @Test
  void infoSaysWhatIsMissingAndWhy() {
    CommandRun run = CommandRun.of("info", "--json");
    assertThat(run.status()).isZero();
    assertThat(run.out())
        .startsWith("{")
        .contains("\"version\"", "\"devices\"", "\"backends\"", "\"libraries\"", "\"cuda\"");
    assertThat(CommandRun.of("info").out()).contains("kernels   cpu", "instruction set x86-64");
  }
}
