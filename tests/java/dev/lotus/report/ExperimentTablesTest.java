package dev.lotus.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.unlearn.Relearning;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The texts that people paste into papers, whole. */
class ExperimentTablesTest {
  private static final Path GOLDEN =
      Path.of(System.getProperty("lotus.basedir", "."), "tests/golden/experiment");

  private final ExperimentTables tables = new ExperimentTables(ExperimentSamples.small());

  @Test
  void markdownIsTheGoldenOne() throws IOException {
    assertThat(tables.markdown()).isEqualTo(Files.readString(GOLDEN.resolve("tables.md")));
  }

  @Test
  void latexIsTheGoldenOne() throws IOException {
    assertThat(tables.latex()).isEqualTo(Files.readString(GOLDEN.resolve("tables.tex")));
  }

  /** An audit is a table more, with a note; without one nothing speaks of it. */
  @Test
  void anAuditHasATableOfItsOwn() {
    ExperimentTables audited = new ExperimentTables(ExperimentSamples.audited());
    String text = audited.markdown();
    String table = text.substring(text.indexOf("Audit: attacks and relearning."));
    assertThat(table.lines().skip(2).limit(6))
        .containsExactly(
            "| Method | U-LiRA AUC | U-LiRA TPR at 1% | RMIA AUC | Loss attack AUC | Relearning on"
                + " forget | Relearning on retain | Forgetting score |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            "| Gold | 0.481 ± 0.012 | 0.011 ± 0.004 | 0.510 ± 0.020 | 0.523 ± 0.010 | 20.7 ± 0.6 | 21.0 ± 0.0"
                + " | - |",
            "| Original | 0.930 ± 0.012 | 0.200 ± 0.004 | 0.910 ± 0.020 | 0.800 ± 0.010 | - | - | - |",
            "| LoTUS | **0.481 ± 0.012** | **0.011 ± 0.004** | **0.510 ± 0.020** | 0.523 ± 0.010 | 20.7 ± 0.6"
                + " | 21.0 ± 0.0 | **0.690** |",
            "| A & B\\|\\*\\_&lt;i> | 0.930 ± 0.012 | 0.200 ± 0.004 | 0.910 ± 0.020 | 0.800 ± 0.010 | 1.0 ±"
                + " 0.6 | 21.0 ± 0.0 | 0.100 |");
    assertThat(text)
        .contains("up to 8 shadow models, fewer than 8 on a side", "3 unlearned and gold models")
        .contains(Relearning.MAX_EPOCHS + 1 + " where " + Relearning.MAX_EPOCHS + " did not do");
    assertThat(audited.latex()).contains("Audit: attacks and relearning").contains("U-LiRA AUC");
    assertThat(tables.markdown() + tables.latex()).doesNotContain("Audit", "U-LiRA");
  }

  @Test
  void csvHasALineARun() {
    List<String> lines = tables.csv().lines().toList();
    assertThat(lines).hasSize(1 + 4 * 3);
    assertThat(lines.get(0))
        .startsWith("model,data,row,role,method,training_seed,unlearning_seed,item,acc_forget,")
        .contains(",avg_gap_published,seconds,attack_auc,");
    assertThat(lines.get(1)).startsWith("ResNet18,CIFAR-10,Gold,retrained,,3407,,retrained-00,");
    assertThat(lines.get(7))
        .startsWith("ResNet18,CIFAR-10,LoTUS,unlearned,lotus,3407,3407,unlearned-20,");
  }

  /** What is shown alike is marked alike, and only methods are compared. */
  @Test
  void theBestOfAColumnIsMarked() {
    ExperimentTable table = ExperimentTable.main(ExperimentSamples.paper().groups().get(0));
    for (int c = 0; c < table.header().size() - 1; c++) {
      int column = c;
      assertThat(table.lines().stream().map(line -> line.cells().get(column)))
          .anyMatch(ExperimentTable.Cell::best);
      assertThat(table.lines().subList(0, 2).stream().map(line -> line.cells().get(column)))
          .noneMatch(ExperimentTable.Cell::best);
    }
  }
}
