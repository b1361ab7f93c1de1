package dev.lotus.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPathConstants;
import javax.xml.xpath.XPathFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;

/** The page is parsed as XML, which holds it well-formed, and looked into. */
class HtmlReportTest {
  private static Document parse(String page) throws Exception {
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(page.getBytes(StandardCharsets.UTF_8)));
  }

  private static List<String> texts(Document page, String path) throws Exception {
    NodeList nodes =
        (NodeList)
            XPathFactory.newInstance().newXPath().evaluate(path, page, XPathConstants.NODESET);
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < nodes.getLength(); i++) {
      texts.add(nodes.item(i).getTextContent());
    }
    return texts;
  }

  @Test
  void demoPageHasEveryPart() throws Exception {
    String text = HtmlReport.render(Samples.demo());
    Document page = parse(text);
    assertThat(texts(page, "//h1")).containsExactly(Samples.demo().title());
    assertThat(texts(page, "//p[@class='verdict']").get(0))
        .contains("LoTUS")
        .contains("0.024")
        .contains("0.105");
    assertThat(texts(page, "//table[@class='results']/tbody/tr/th/text()[1]"))
        .containsExactly("Retrained", "Original", "LoTUS", "Finetune");
    assertThat(texts(page, "//table[@class='results']/tbody/tr[3]/td"))
        .containsExactly(
            "0.822 (0.016)\n",
            "0.981 (0.018)\n",
            "0.788 (0.007)\n",
            "0.472 (0.054)\n",
            "0.024",
            "0.0312",
            "0.0123 [0.0087, 0.0170]\n",
            "3.27");
    assertThat(texts(page, "//figure/h3"))
        .containsExactly(
            "Temperature",
            "Accuracy on forget and unseen",
            "Unlearning loss",
            "Training loss",
            "Original (before unlearning)",
            "Retrained (the goal)",
            "After LoTUS",
            "After Finetune");
    assertThat(texts(page, "//table[@class='bars']/tbody/tr")).hasSize(9);
    assertThat(texts(page, "//dd"))
        .contains("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "2.10.0");
    assertThat(text).contains("prefers-color-scheme: dark", "@media print", "width=device-width");
  }

  @Test
  void everyPlotIsNamedAndDescribed() throws Exception {
    Document page = parse(HtmlReport.render(Samples.demo()));
    List<String> labels = texts(page, "//svg[@role='img']/@aria-labelledby");
    assertThat(labels).hasSize(8);
    for (String label : labels) {
      for (String id : label.split(" ")) {
        assertThat(texts(page, "//*[@id='" + id + "']")).as(id).hasSize(1);
        assertThat(texts(page, "//*[@id='" + id + "']").get(0)).isNotBlank();
      }
    }
    assertThat(texts(page, "//svg/desc").get(0))
        .isEqualTo("LoTUS: 10 values, first 5.073, last 1.241.");
  }

  @Test
  void nothingIsFetchedAndNothingRuns() {
    String text = HtmlReport.render(Samples.demo());
    assertThat(text)
        .doesNotContain("http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link");
  }

  @Test
  void sameInputGivesTheSameBytes() {
    assertThat(HtmlReport.render(Samples.demo())).isEqualTo(HtmlReport.render(Samples.demo()));
  }

  @Test
  void hostileTextIsShownAsText() throws Exception {
    String name =
        "</style><script>alert('1')</script> & \"quoted\" \u0000\u001b[31m \ud800 "
            + "long".repeat(60);
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("<img onerror=x>", "a&b\"'");
    Map<String, Double> phases = new LinkedHashMap<>();
    phases.put("<b>", 1.0);
    RunSummary run =
        new RunSummary(
            name,
            RunSummary.Role.UNLEARNED,
            Samples.NO_METRICS,
            List.of(new EpochTrace(1, 2.0, 0.5, 0.25, 0.125, 1.0)),
            null,
            Map.of("forget", Samples.histogram(1, 10, 1)),
            phases,
            settings);
    String text =
        HtmlReport.render(new ReportData("<title> & co", "1 < 2", List.of(run), settings));
    Document page = parse(text);
    assertThat(text).doesNotContain("<script", "<img", "<b>");
    assertThat(texts(page, "//p[@class='verdict']")).containsExactly("1 < 2");
    assertThat(texts(page, "//h1")).containsExactly("<title> & co");
    assertThat(texts(page, "//script")).isEmpty();
    assertThat(texts(page, "//table[@class='results']/tbody/tr/th/text()[1]").get(0))
        .startsWith(
            "</style><script>alert('1')</script> & \"quoted\" \ufffd\ufffd[31m \ufffd longlong");
    assertThat(texts(page, "//dt")).contains("<img onerror=x>");
    assertThat(texts(page, "//dd")).contains("a&b\"'");
  }

  @Test
  void missingMetricsAreDashes() throws Exception {
    RunSummary run =
        new RunSummary(
            "bare", RunSummary.Role.UNLEARNED, Samples.NO_METRICS, null, null, null, null, null);
    Document page = parse(HtmlReport.render(new ReportData("t", null, List.of(run), null)));
    assertThat(texts(page, "//table[@class='results']/tbody/tr/td"))
        .hasSize(8)
        .containsOnly("\u2013");
    assertThat(texts(page, "//p[@class='note']")).anyMatch(p -> p.equals("No epochs were traced."));
    assertThat(texts(page, "//h2")).containsExactly("Results", "Epoch by epoch");
    assertThat(texts(page, "//p[@class='verdict']").get(0)).contains("allow no comparison");
  }

  @Test
  void emptyReportIsStillAPage() throws Exception {
    Document page = parse(HtmlReport.render(new ReportData("nothing", null, List.of(), null)));
    assertThat(texts(page, "//p[@class='verdict']").get(0)).contains("nothing to judge");
    assertThat(texts(page, "//table")).isEmpty();
  }

  /** One epoch is one point in the middle; a gap breaks the line; NaN is left out. */
  @Test
  void oneEpochAndGapsAreDrawn() throws Exception {
    List<EpochTrace> trace =
        List.of(
            new EpochTrace(1, 1.5, null, null, Double.NaN, null),
            new EpochTrace(2, null, null, null, 0.5, null),
            new EpochTrace(3, 1.25, null, null, null, null));
    for (List<EpochTrace> epochs : List.of(trace.subList(0, 1), trace)) {
      RunSummary run =
          new RunSummary(
              "m", RunSummary.Role.UNLEARNED, Samples.NO_METRICS, epochs, null, null, null, null);
      Document page = parse(HtmlReport.render(new ReportData("t", "v", List.of(run), null)));
      String line = texts(page, "//svg[@class='chart'][1]/path[@class='line s0']/@d").get(0);
      assertThat(line).doesNotContain("L", "NaN", "Infinity");
      assertThat(line.chars().filter(c -> c == 'M')).hasSize(epochs.size() == 1 ? 1 : 2);
      assertThat(texts(page, "//figure/h3"))
          .containsExactlyElementsOf(
              epochs.size() == 1
                  ? List.of("Temperature")
                  : List.of("Temperature", "Unlearning loss"));
    }
  }

  /** Without the original among the models, a run shows its own panel from before. */
  @Test
  void singleRunShowsBeforeAndAfter() throws Exception {
    Document page =
        parse(HtmlReport.render(new ReportData("t", "v", List.of(Samples.lotus()), null)));
    assertThat(texts(page, "//figure/h3")).contains("Before LoTUS", "After LoTUS");
    assertThat(texts(page, "//figcaption/p"))
        .anyMatch(
            p ->
                p.matches(
                    "Mean: retain 0\\.\\d+, test 0\\.\\d+, forget 0\\.\\d+\\. Forget and test"
                        + " overlap by \\d+%\\."));
  }
}
