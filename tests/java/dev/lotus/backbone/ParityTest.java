package dev.lotus.backbone;

import static dev.lotus.backbone.Tensors.values;
import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.device.LeakCheck;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every backbone beside PyTorch: files as users save them (zip, legacy, nested, prefixed,
 * safetensors; names of torchvision, timm, Hugging Face), logits in both modes and gradients. With
 * -Dlotus.parity=DIR also the full sizes that make.py --full wrote there.
 */
@ExtendWith(LeakCheck.class)
class ParityTest {
  private static final double LOGITS = 1e-4;
  private static final double GRADIENTS = 1e-3;

  static List<Arguments> models() throws IOException {
    List<Arguments> models = new ArrayList<>();
    for (String name : GoldenModels.names(GoldenModels.FOLDER)) {
      // The small widths are nobody's: their names must be said.
      models.add(Arguments.of(GoldenModels.FOLDER, name, name.replace("_published", "")));
    }
    String full = System.getProperty("lotus.parity", "");
    if (!full.isEmpty()) {
      for (String name : GoldenModels.names(Path.of(full))) {
        models.add(Arguments.of(Path.of(full), name, null));
      }
    }
    assertThat(models).hasSizeGreaterThanOrEqualTo(8);
    return models;
  }

  @ParameterizedTest(name = "{1} {2}")
  @MethodSource("models")
  void logitsAndGradientsArePyTorchs(Path folder, String name, String arch) {
    try (PointerScope scope = new PointerScope();
        Backbone model = Backbones.open(GoldenModels.weights(folder, name), arch)) {
      assertThat(model.arch().name()).isEqualTo(name.replace("_published", ""));
      Map<String, Tensor> expected = Checkpoint.read(GoldenModels.expected(folder, name)).tensors();
      try (NoGradGuard noGrad = new NoGradGuard()) {
        requireClose(
            "eval", model.forward(expected.get("images")), expected.get("eval"), LOGITS, 0);
      }
      model.train(true);
      Tensor logits = model.forward(expected.get("images"));
      requireClose("train", logits, expected.get("train"), LOGITS, 0);
      torch.cross_entropy_loss(logits, expected.get("labels")).backward();
      Map<String, Tensor> gradients = underTheFilesNames(folder, name, model);
      double largest =
          expected.entrySet().stream()
              .filter(e -> e.getKey().startsWith("grad."))
              .mapToDouble(e -> largest(values(e.getValue())))
              .max()
              .orElseThrow();
      int compared = 0;
      for (String key : gradients.keySet()) {
        Tensor wanted = expected.get("grad." + key);
        assertThat(wanted).as(key).isNotNull();
        double[] all = values(gradients.get(key));
        int every = (all.length + 511) / 512;
        double[] some = new double[(all.length + every - 1) / every];
        Arrays.setAll(some, i -> all[i * every]);
        // A key's bias moves no softmax: its gradient is rounding, small beside all others.
        requireClose(key, some, values(wanted), GRADIENTS, 1e-6 * largest);
        compared++;
      }
      assertThat(compared)
          .isEqualTo(expected.keySet().stream().filter(k -> k.startsWith("grad.")).count());
    }
  }

  private static Map<String, Tensor> underTheFilesNames(Path folder, String name, Backbone model) {
    Map<String, Tensor> gradients = new LinkedHashMap<>();
    model
        .state()
        .forEach(
            (key, tensor) -> {
              if (tensor.requires_grad()) {
                gradients.put(key, tensor.grad());
              }
            });
    assertThat(gradients).hasSameSizeAs(model.parameters());
    KeyLayout layout =
        KeyLayout.of(Checkpoint.read(GoldenModels.weights(folder, name)).tensors().keySet());
    return layout.fromOurs(model.arch(), gradients);
  }

  private static void requireClose(
      String what, Tensor found, Tensor wanted, double relative, double absolute) {
    assertThat(Checkpoint.shapeOf(found)).as(what).isEqualTo(Checkpoint.shapeOf(wanted));
    requireClose(what, values(found), values(wanted), relative, absolute);
  }

  private static void requireClose(
      String what, double[] found, double[] wanted, double relative, double absolute) {
    assertThat(found).as(what).hasSameSizeAs(wanted);
    double tolerance = relative * largest(wanted) + absolute;
    double error = 0;
    for (int i = 0; i < found.length; i++) {
      error = Math.max(error, Math.abs(found[i] - wanted[i]));
    }
    assertThat(error).as(what).isLessThanOrEqualTo(tolerance);
    assertThat(largest(wanted)).as(what).isGreaterThan(0);
  }

  private static double largest(double[] values) {
    return Arrays.stream(values).map(Math::abs).max().orElseThrow();
  }
}
