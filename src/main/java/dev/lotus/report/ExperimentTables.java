package dev.lotus.report;

import dev.lotus.report.ExperimentResults.Group;
import dev.lotus.report.ExperimentResults.Pair;
import dev.lotus.report.ExperimentResults.Row;
import dev.lotus.report.ExperimentResults.Run;
import dev.lotus.report.ExperimentTable.Cell;
import dev.lotus.report.ExperimentTable.Line;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/** An experiment's tables as text: Markdown, LaTeX (booktabs), and one line a run as CSV. */
public final class ExperimentTables {
  private final ExperimentResults results;

  public ExperimentTables(ExperimentResults results) {
    this.results = results;
  }

  static List<ExperimentTable> of(Group group) {
    List<ExperimentTable> tables =
        new ArrayList<>(List.of(ExperimentTable.main(group), ExperimentTable.scores(group)));
    if (AuditTable.has(group)) {
      tables.add(AuditTable.of(group));
    }
    return tables;
  }

  /** For a document: GitHub's Markdown, gold and originals above the methods, the best in bold. */
  public String markdown() {
    StringBuilder out = new StringBuilder("# " + markdown(results.title()) + "\n");
    for (Group group : results.groups()) {
      out.append("\n## ").append(markdown(group.name())).append("\n");
      List<ExperimentTable> tables = new ArrayList<>(of(group));
      tables.add(ExperimentTable.everything(group));
      for (ExperimentTable table : tables) {
        out.append("\n").append(table.title()).append(".\n\n");
        out.append("| ").append(join(table.header())).append(" |\n| --- |");
        out.append(" ---: |".repeat(table.header().size() - 1)).append('\n');
        for (Line line : table.lines()) {
          out.append("| ").append(markdown(line.row().name())).append(" |");
          for (Cell cell : line.cells()) {
            String value = cell.best() ? "**" + cell.value() + "**" : cell.value();
            out.append(' ').append(value);
            out.append(cell.detail().isEmpty() ? "" : " " + cell.detail()).append(" |");
          }
          out.append('\n');
        }
      }
      out.append('\n');
      if (AuditTable.has(group)) {
        out.append(markdown(AuditTable.note(group))).append("\n\n");
      }
      for (Pair pair : group.correlations()) {
        out.append("- ").append(sentence(pair)).append('\n');
      }
    }
    if (!results.failures().isEmpty()) {
      out.append("\n## Failed\n\n");
      results
          .failures()
          .forEach(failure -> out.append("- ").append(markdown(sentence(failure))).append('\n'));
    }
    return out.toString();
  }

  /** What a correlation says, in words. */
  static String sentence(Pair pair) {
    String what = "r(" + pair.x() + ", " + pair.y() + ") over " + pair.correlation().n() + " ";
    String over = pair.over().equals("runs") ? "runs" : "means, gold among them";
    if (pair.correlation().r() == null) {
      return what + over + ": not defined";
    }
    String text = String.format(Locale.ROOT, "%s%s: %.3f", what, over, pair.correlation().r());
    return pair.correlation().p() == null
        ? text
        : text + String.format(Locale.ROOT, " (p = %.2g)", pair.correlation().p());
  }

  /** What failed, where and why, in one line. */
  public static String sentence(ExperimentResults.Failure failure) {
    return failure.row()
        + ", "
        + failure.model()
        + " on "
        + failure.data()
        + ", seed "
        + failure.trainingSeed()
        + (failure.unlearningSeed() == null ? "" : "/" + failure.unlearningSeed())
        + ": "
        + failure.message();
  }

  private static String join(List<String> header) {
    return header.stream().map(ExperimentTables::markdown).collect(Collectors.joining(" | "));
  }

  private static String markdown(String text) {
    return text.replaceAll("\\p{Cntrl}", " ")
        .replace("\\", "\\\\")
        .replace("|", "\\|")
        .replace("*", "\\*")
        .replace("_", "\\_")
        .replace("<", "&lt;");
  }

  /** For a paper: a table environment each; needs the package booktabs. */
  public String latex() {
    StringBuilder out = new StringBuilder("% needs \\usepackage{booktabs}\n");
    for (Group group : results.groups()) {
      for (ExperimentTable table : of(group)) {
        out.append("\\begin{table}\n\\centering\n\\caption{");
        out.append(latex(group.name() + ". " + table.title() + ".")).append("}\n");
        out.append("\\begin{tabular}{l").append("r".repeat(table.header().size() - 1));
        out.append("}\n\\toprule\n");
        out.append(
            table.header().stream()
                .map(ExperimentTables::latex)
                .collect(Collectors.joining(" & ", "", " \\\\\n\\midrule\n")));
        boolean trained = false;
        for (Line line : table.lines()) {
          boolean method = line.row().role() == RunSummary.Role.UNLEARNED;
          if (method && trained) {
            out.append("\\midrule\n");
          }
          trained = !method;
          out.append(latex(line.row().name()));
          line.cells().forEach(cell -> out.append(" & ").append(latex(cell)));
          out.append(" \\\\\n");
        }
        out.append("\\bottomrule\n\\end{tabular}\n\\end{table}\n");
      }
    }
    return out.toString();
  }

  private static String latex(Cell cell) {
    String value = latex(cell.value());
    return (cell.best() ? "\\textbf{" + value + "}" : value)
        + (cell.detail().isEmpty() ? "" : " " + latex(cell.detail()));
  }

  private static String latex(String text) {
    StringBuilder out = new StringBuilder();
    text.replaceAll("\\p{Cntrl}", " ")
        .codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '\\' -> out.append("\\textbackslash{}");
                case '~' -> out.append("\\textasciitilde{}");
                case '^' -> out.append("\\textasciicircum{}");
                case '&', '%', '$', '#', '_', '{', '}' -> out.append('\\').appendCodePoint(c);
                case '<' -> out.append("\\textless{}");
                case '>' -> out.append("\\textgreater{}");
                case '|' -> out.append("\\textbar{}");
                // After a line's end these would be taken for its options.
                case '[', '*' -> out.append('{').appendCodePoint(c).append('}');
                case 0xB1 -> out.append("$\\pm$");
                default -> out.appendCodePoint(c);
              }
            });
    return out.toString();
  }

  /** A line a run, unrounded; a metric that a run has not is empty. */
  public String csv() {
    Set<String> metrics = new LinkedHashSet<>();
    for (Group group : results.groups()) {
      for (Row row : group.rows()) {
        row.runs().forEach(run -> metrics.addAll(run.metrics().keySet()));
      }
    }
    StringBuilder out =
        new StringBuilder("model,data,row,role,method,training_seed,unlearning_seed,item");
    metrics.forEach(metric -> out.append(',').append(metric));
    out.append('\n');
    for (Group group : results.groups()) {
      for (Row row : group.rows()) {
        for (Run run : row.runs()) {
          List<String> fields = new ArrayList<>();
          fields.add(csv(group.model()));
          fields.add(csv(group.data()));
          fields.add(csv(row.name()));
          fields.add(row.role().name().toLowerCase(Locale.ROOT));
          fields.add(csv(row.method()));
          fields.add(String.valueOf(run.trainingSeed()));
          fields.add(csv(run.unlearningSeed()));
          fields.add(run.item());
          metrics.forEach(metric -> fields.add(csv(run.metrics().get(metric))));
          out.append(String.join(",", fields)).append('\n');
        }
      }
    }
    return out.toString();
  }

  private static String csv(Object value) {
    String text = value == null ? "" : value.toString();
    return text.matches("(?s).*[\",\\n\\r].*") ? "\"" + text.replace("\"", "\"\"") + "\"" : text;
  }
}
