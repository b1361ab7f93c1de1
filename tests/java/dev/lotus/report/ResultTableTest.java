package dev.lotus.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ResultTableTest {
  @Test
  void textIsAligned() {
    assertThat(ResultTable.of(Samples.demo().runs()).text()).isEqualTo(EXPECTED);
  }

  private static final String EXPECTED =
"""
Model         Acc forget     Acc retain       Acc test      \
      MIA  Avg gap     JSD             RF-JSD [95%]  Seconds
------------------------------------------------------------\
------------------------------------------------------------
Retrained  0.806          0.999          0.795          0.41\
8            0.000       0  0.0056 [0.0040, 0.0077]     19.9
Original   0.998 (0.192)  0.999 (0.000)  0.801 (0.006)  0.94\
2 (0.524)    0.105  0.0931  0.0412 [0.0293, 0.0569]     21.4
LoTUS      0.822 (0.016)  0.981 (0.018)  0.788 (0.007)  0.47\
2 (0.054)    0.024  0.0312  0.0123 [0.0087, 0.0170]     3.27
Finetune   0.968 (0.162)  0.999 (0.000)  0.803 (0.008)  0.85\
1 (0.433)    0.083  0.0744  0.0317 [0.0225, 0.0437]     4.20
""";

  @Test
  void markdownHasOneLineAModel() {
    String markdown = ResultTable.of(Samples.demo().runs()).markdown();
    assertThat(markdown.lines()).hasSize(6);
    assertThat(markdown.lines().skip(4).findFirst())
        .hasValue(
            "| LoTUS | 0.822 (0.016) | 0.981 (0.018) | 0.788 (0.007) | 0.472 (0.054) | 0.024 |"
                + " 0.0312 | 0.0123 [0.0087, 0.0170] | 3.27 |");
    assertThat(markdown.lines().map(line -> line.chars().filter(c -> c == '|').count()))
        .containsOnly(10L);
  }

  @Test
  void namesCannotBreakTheTable() {
    RunSummary run =
        new RunSummary(
            "a|b\n\u001b[31m<i>",
            RunSummary.Role.UNLEARNED,
            Samples.NO_METRICS,
            null,
            null,
            null,
            null,
            null);
    ResultTable table = ResultTable.of(List.of(run));
    assertThat(table.markdown()).contains("| a\\|b  [31m&lt;i> | - | - |");
    assertThat(table.text().lines()).hasSize(3);
    assertThat(table.text()).doesNotContain("\u001b");
  }

  @Test
  void smallDivergencesKeepTheirDigits() {
    assertThat(Numbers.divergence(0.000345)).isEqualTo("3.5e-04");
    assertThat(Numbers.divergence(0.168158)).isEqualTo("0.1682");
    assertThat(Numbers.divergence(0)).isEqualTo("0");
    assertThat(List.of(Numbers.seconds(0.123), Numbers.seconds(9.996), Numbers.seconds(99.96)))
        .containsExactly("0.12", "10.0", "100");
  }

  @Test
  void noModelsIsAHeader() {
    assertThat(ResultTable.of(List.of()).text().lines()).hasSize(2);
  }
}
