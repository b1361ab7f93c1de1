package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.device.ComputeDevice;
import dev.lotus.metric.GoldenFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The published code's own results (families a to f), and that a wrong reference is noticed. */
class GoldenCheckTest {
  private static final Path GOLDEN =
      Path.of(System.getProperty("lotus.basedir", "."), "tests", "golden");

  static Stream<Path> files() throws IOException {
    return Files.list(GOLDEN)
        .filter(f -> f.getFileName().toString().matches("[a-f]_.*\\.json"))
        .sorted();
  }

  @ParameterizedTest
  @MethodSource("files")
  void theEngineReproducesThePublishedCode(Path file) {
    GoldenCheck.Outcome outcome = GoldenCheck.run(GoldenFile.read(file), ComputeDevice.CPU);
    assertThat(outcome.failure()).isEmpty();
    assertThat(outcome.maxError()).isLessThan(1e-5);
  }

  /** One family after the other with a reference changed by a tenth of a percent. */
  @ParameterizedTest
  @MethodSource("tampered")
  void aWrongReferenceFails(String name, String array, @TempDir Path temp) throws IOException {
    String text = Files.readString(GOLDEN.resolve(name));
    int at = text.indexOf("\"" + array + "\"");
    assertThat(at).isPositive();
    int data = text.indexOf("\"data\"", at);
    int open = text.indexOf('[', data) + 1;
    int end = open;
    while ("0123456789.eE+- ".indexOf(text.charAt(end)) >= 0) {
      end++;
    }
    double value = Double.parseDouble(text.substring(open, end).strip());
    Path file = temp.resolve(name);
    Files.writeString(file, text.substring(0, open) + (value * 1.001 + 1e-3) + text.substring(end));
    GoldenCheck.Outcome outcome = GoldenCheck.run(GoldenFile.read(file), ComputeDevice.CPU);
    assertThat(outcome.passed()).isFalse();
    assertThat(outcome.failure()).contains("the reference");
  }

  static Stream<Arguments> tampered() {
    return Stream.of(
        Arguments.of("a_lotus_8x10.json", "gumbel_tau1_grad_f64"),
        Arguments.of("b_jsdiv.json", "rand_8x10__official_f64"),
        Arguments.of("c_rfjsd_10cls_full.json", "rfjsd_closed_f64"),
        Arguments.of("d_mia_10cls.json", "exact_C1_fraction"),
        Arguments.of("e_schedule.json", "tau_alpha8"),
        Arguments.of("f_badt_8x10.json", "grad_f64"),
        Arguments.of("f_ce_8x10.json", "grad"),
        Arguments.of("f_scrub_8x10.json", "kl_f64"),
        Arguments.of("f_scrub_8x10.json", "retain_grad_f64"),
        Arguments.of("f_scrub_8x10.json", "forget_loss_f64"));
  }

  @Test
  void everyFamilyIsHere() throws IOException {
    assertThat(files().map(f -> f.getFileName().toString().substring(0, 1)).distinct())
        .containsExactly("a", "b", "c", "d", "e", "f");
  }

  @Test
  void aKindThatNobodyChecksIsNotKnown() {
    assertThat(GoldenCheck.knows("f_badt_16x100")).isTrue();
    assertThat(GoldenCheck.knows("e_schedule")).isTrue();
    assertThat(GoldenCheck.knows("f_unsir")).isTrue();
    assertThat(GoldenCheck.knows("f_unheard_of")).isFalse();
    assertThat(GoldenCheck.knows("f_unsir_again")).isFalse();
    assertThat(GoldenCheck.knows("f")).isFalse();
    assertThat(GoldenCheck.knows("")).isFalse();
  }
}
