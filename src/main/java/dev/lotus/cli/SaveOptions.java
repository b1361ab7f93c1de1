package dev.lotus.cli;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.KeyLayout;
import dev.lotus.backbone.TorchScript;
import dev.lotus.device.InputException;
import picocli.CommandLine.Option;

/** How a new model is written. */
final class SaveOptions {
  @Option(
      names = "--save-layout",
      paramLabel = "L",
      defaultValue = "lotus",
      description =
          "Names of the tensors in model.safetensors: lotus, torchvision, timm, huggingface, or published, the published code's ViT (default: ${DEFAULT-VALUE}).")
  String layout;

  /**
   * @throws InputException before any work if the model cannot be written so
   */
  KeyLayout layoutFor(Arch arch) {
    KeyLayout chosen = KeyLayout.parse(layout);
    if (arch.name().equals(TorchScript.NAME)) {
      if (chosen != KeyLayout.LOTUS) {
        throw new InputException(
            "--save-layout " + layout + ": a TorchScript program keeps its own names");
      }
    } else {
      chosen.requireNetwork(arch);
    }
    return chosen;
  }
}
