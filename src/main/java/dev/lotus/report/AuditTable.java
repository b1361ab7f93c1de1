package dev.lotus.report;

import dev.lotus.metric.ShadowModel;
import dev.lotus.metric.Statistics.Spread;
import dev.lotus.report.ExperimentResults.Group;
import dev.lotus.report.ExperimentResults.Row;
import dev.lotus.report.ExperimentTable.Cell;
import dev.lotus.report.ExperimentTable.Line;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;

/** The table of an audit: what attacks find, and how soon the forget set is known again. */
final class AuditTable {
  private static final String NO_BEST = "";

  /**
   * A column before its cells are made.
   *
   * @param badness what is least of the best method; null where gold is the goal, so that neither
   *     end is best
   */
  private record Column(
      String title,
      Function<Row, Spread> value,
      DoubleFunction<String> format,
      DoubleUnaryOperator badness) {
    String badness(Row row) {
      Spread spread = value.apply(row);
      return badness == null || spread == null
          ? NO_BEST
          : format.apply(badness.applyAsDouble(spread.mean()));
    }
  }

  private static final List<Column> COLUMNS =
      List.of(
          column("U-LiRA AUC", "ulira_auc", Numbers::fraction, AuditTable::fromGuessing),
          column("U-LiRA TPR at 1%", "ulira_tpr_1", Numbers::fraction, v -> v),
          column("RMIA AUC", "rmia_auc", Numbers::fraction, AuditTable::fromGuessing),
          column("Loss attack AUC", "attack_auc", Numbers::fraction, null),
          column("Relearning on forget", "relearn_forget", AuditTable::epochs, null),
          column("Relearning on retain", "relearn_retain", AuditTable::epochs, null),
          new Column("Forgetting score", AuditTable::forgetting, Numbers::fraction, v -> -v));

  private AuditTable() {}

  /** Whether there was an audit of any of the rows. */
  static boolean has(Group group) {
    return group.rows().stream()
        .anyMatch(
            row ->
                row.forgetting() != null
                    || row.statistics().containsKey("ulira_auc")
                    || row.statistics().containsKey("rmia_auc")
                    || row.statistics().containsKey("relearn_forget"));
  }

  /** The columns that any row has a value in. */
  static ExperimentTable of(Group group) {
    List<Column> columns =
        COLUMNS.stream()
            .filter(c -> group.rows().stream().anyMatch(row -> c.value().apply(row) != null))
            .toList();
    List<String> header = new ArrayList<>(List.of("Method"));
    columns.forEach(column -> header.add(column.title()));
    List<Line> lines = new ArrayList<>();
    for (Row row : group.rows()) {
      lines.add(new Line(row, columns.stream().map(column -> cell(group, column, row)).toList()));
    }
    return new ExperimentTable("Audit: attacks and relearning", header, lines);
  }

  /** What the table's numbers mean, and how much they can say. */
  static String note(Group group) {
    String text =
        "Of the attacks' AUC 0.5 is guessing. The loss attack and relearning (epochs, 21 where 20"
            + " did not do) are good where gold's are. Original and gold are attacked with the"
            + " shadow models as they were trained, a method with those that it made unlearn.";
    int models = 0;
    boolean few = false;
    int pairs = 0;
    for (Row row : group.rows()) {
      Double own = row.mean("ulira_models");
      models = own == null ? models : (int) Math.max(models, own);
      few |= row.mean("ulira_few") != null && row.mean("ulira_few") > 0;
      pairs = row.forgetting() == null ? pairs : Math.max(pairs, row.forgetting().models());
    }
    if (models > 0) {
      text += " U-LiRA had up to " + models + " shadow models";
      text +=
          few
              ? ", fewer than "
                  + ShadowModel.ENOUGH
                  + " on a side of some sample: its rates say little."
              : ".";
    }
    return pairs == 0
        ? text
        : text + " The forgetting score is of up to " + pairs + " unlearned and gold models.";
  }

  private static Column column(
      String title, String metric, DoubleFunction<String> format, DoubleUnaryOperator badness) {
    return new Column(title, row -> row.statistics().get(metric), format, badness);
  }

  private static Spread forgetting(Row row) {
    Double score = row.forgetting() == null ? null : row.forgetting().score();
    return score == null ? null : new Spread(score, null, 1, 1, null, null);
  }

  private static double fromGuessing(double auc) {
    return Math.abs(auc - 0.5);
  }

  private static String epochs(double value) {
    return String.format(Locale.ROOT, "%.1f", value);
  }

  private static Cell cell(Group group, Column column, Row row) {
    Spread spread = column.value().apply(row);
    return spread == null
        ? Cell.EMPTY
        : new Cell(
            ExperimentTable.spread(spread, column.format(), 1), "", best(group, column, row));
  }

  /** Compared as shown, so that what looks equal is marked alike; only methods are compared. */
  private static boolean best(Group group, Column column, Row row) {
    String own = column.badness(row);
    if (row.role() != RunSummary.Role.UNLEARNED || own.equals(NO_BEST)) {
      return false;
    }
    double value = Double.parseDouble(own);
    return group.rows().stream()
        .filter(other -> other.role() == RunSummary.Role.UNLEARNED)
        .map(column::badness)
        .allMatch(other -> other.equals(NO_BEST) || Double.parseDouble(other) >= value);
  }
}
