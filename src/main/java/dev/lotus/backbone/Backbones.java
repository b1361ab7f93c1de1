package dev.lotus.backbone;

import dev.lotus.device.InputException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The architectures there are: one line each here, one class each beside it. */
public final class Backbones {
  private Backbones() {}

  /** The names {@link #create} knows. */
  public static List<String> names() {
    return List.of(
        "resnet18",
        "resnet20",
        "resnet32",
        "resnet44",
        "resnet56",
        "resnet18_torchvision",
        "resnet18_cifar",
        "vit_b_16",
        "vit_s_16",
        "vit_ti_16");
  }

  /**
   * A backbone with all-zero weights, in training mode on the CPU; initialise it or load a
   * checkpoint next.
   *
   * @throws InputException if a transformer's image size is no multiple of its patch
   */
  public static Backbone create(Arch arch) {
    return switch (arch.name()) {
      case "resnet18" -> new ResNet18(arch);
      case "resnet20" -> new CifarResNet(arch, 3);
      case "resnet32" -> new CifarResNet(arch, 5);
      case "resnet44" -> new CifarResNet(arch, 7);
      case "resnet56" -> new CifarResNet(arch, 9);
      case "resnet18_torchvision" -> new TorchvisionResNet18(arch, false);
      case "resnet18_cifar" -> new TorchvisionResNet18(arch, true);
      case "vit_b_16", "vit_s_16", "vit_ti_16" -> new VisionTransformer(arch);
      default ->
          throw new InputException(
              "architecture " + arch.name() + " is made by its file alone; open that");
    };
  }

  /**
   * What weights with these names and shapes belong to. An {@code arch} entry of the metadata wins
   * over the names, and {@code classes}, {@code channels}, {@code width}, {@code image_size},
   * {@code depth} and {@code layer_norm_eps} over the shapes; without the image size, a ResNet's is
   * 32.
   *
   * @throws InputException if that leaves doubt: it lists the candidates
   */
  public static Arch recognise(Map<String, long[]> shapes, Map<String, String> metadata) {
    return ArchRecognition.recognise(shapes, metadata, 0);
  }

  /**
   * What the user of a file wants of it.
   *
   * @param arch the architecture outright; null = by metadata, else by names and shapes
   * @param channels of the images; 0 = as in the file
   * @param imageSize of the images, in pixels; 0 = as in the file. A transformer's position
   *     embeddings are interpolated where they were made for another size
   * @param newClasses puts a new head in the place of one with another number of classes; 0 = the
   *     head stays as it is
   * @param seed of a new head's weights
   */
  public record Wanted(String arch, int channels, int imageSize, int newClasses, long seed) {}

  /**
   * A model read from a file.
   *
   * @param backbone in evaluation mode on the CPU; the caller closes it
   * @param notes what was changed to make it fit, one sentence each; empty if nothing
   */
  public record Opened(Backbone backbone, List<String> notes) {}

  /** {@link #openFitted} of a weights file as it is. */
  public static Backbone open(Path file, String name) {
    return openFitted(file, new Wanted(name, 0, 0, 0, 0)).backbone();
  }

  /**
   * For files from those whom nobody trusts; all that {@link #openFitted} reads without it is data.
   *
   * @throws InputException if the file is a TorchScript program, whose code libtorch would run
   */
  public static void requireNoProgram(Path file) {
    if (ModelReader.isTorchScript(file)) {
      throw new InputException(
          file
              + ": is a TorchScript program, and --untrusted refuses those: libtorch would run its"
              + " code; have its maker save the weights alone, torch.save(model.state_dict(), FILE)");
    }
  }

  /**
   * Reads a model: weights in any format of {@link Checkpoint#read} under any names of {@link
   * KeyLayout}, or a TorchScript program.
   *
   * @throws InputException if the file is unsound, its architecture in doubt, or its tensors do not
   *     fit or are not finite
   */
  public static Opened openFitted(Path file, Wanted wanted) {
    return ModelReader.open(file, wanted);
  }
}
