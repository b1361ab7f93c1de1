package dev.lotus.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPathConstants;
import javax.xml.xpath.XPathFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;

/** The page is parsed as XML, which holds it well-formed, and looked into. */
class ExperimentPageTest {
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
  void everyPartIsThere() throws Exception {
    String text = ExperimentPage.render(ExperimentSamples.paper());
    keep("experiment.html", text);
    Document page = parse(text);
    assertThat(texts(page, "//table[@class='results named']/tbody/tr/th/text()[1]"))
        .startsWith("Gold", "Original", "Finetuning")
        .hasSize(2 * 12);
    assertThat(texts(page, "//figure/h3"))
        .startsWith(
            "RF-JSD against JSD",
            "Time against average gap",
            "Temperature",
            "Accuracy on forget and unseen")
        .contains("After LoTUS", "Gold (the goal)");
    assertThat(texts(page, "//figure[1]//figcaption").get(0))
        .contains("r(rf_jsd, jsd) over 30 runs");
    assertThat(
            texts(page, "//svg[@role='img'][contains(@aria-labelledby,'scatter')]/path[@d]/title"))
        .hasSize(2 * 30);
    assertThat(texts(page, "//details/summary"))
        .containsExactly("Every metric, with 95% intervals", "All runs", "The curves' numbers");
    assertThat(texts(page, "//td/strong")).hasSizeGreaterThan(10);
    assertThat(text).doesNotContain("<script", "http:", "https:", "url(");
    List<String> ids = texts(page, "//@id");
    assertThat(ids).doesNotHaveDuplicates();
    for (String label : texts(page, "//@aria-labelledby")) {
      assertThat(ids).contains(label.split(" "));
    }
  }

  @Test
  void anAuditIsASectionOfItsOwn() throws Exception {
    String text = ExperimentPage.render(ExperimentSamples.audited());
    keep("experiment-audit.html", text);
    Document page = parse(text);
    assertThat(texts(page, "//h2")).contains("Audit: attacks and relearning");
    assertThat(texts(page, "//table[@aria-labelledby='g0-table-2']/tbody/tr/th/text()[1]"))
        .containsExactly("Gold", "Original", "LoTUS", "A & B|*_<i>");
    assertThat(texts(page, "//table[@aria-labelledby='g0-table-2']/tbody/tr[1]/td/@data-label"))
        .startsWith("U-LiRA AUC", "U-LiRA TPR at 1%");
    assertThat(texts(page, "//p[@class='note']")).anyMatch(note -> note.contains("shadow models"));
    assertThat(texts(page, "//@id")).doesNotHaveDuplicates();
    assertThat(ExperimentPage.render(ExperimentSamples.small())).doesNotContain("U-LiRA");
  }

  @Test
  void failuresAndHostileNamesAreShownAsText() throws Exception {
    Document page = parse(ExperimentPage.render(ExperimentSamples.small()));
    assertThat(texts(page, "//main/ul/li"))
        .contains("Wild, ResNet18 on CIFAR-10, seed 13/13: the loss became NaN in epoch 1");
    assertThat(texts(page, "//tr/th/text()[1]")).contains("A & B|*_<i>");
  }

  /** For looking at it in a browser: see tests/pages. */
  private static void keep(String name, String page) throws IOException {
    Path folder = Path.of(System.getProperty("lotus.basedir", "."), "target/pages");
    Files.createDirectories(folder);
    Files.writeString(folder.resolve(name), page);
  }
}
