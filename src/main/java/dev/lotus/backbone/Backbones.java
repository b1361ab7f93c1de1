package dev.lotus.backbone;

import dev.lotus.device.InputException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.PointerScope;

/** The architectures there are: one line each here, one class each beside it. */
public final class Backbones {
  private Backbones() {}

  /** The names {@link #create} knows. */
  public static List<String> names() {
    return List.of("resnet18", "resnet20", "resnet32", "resnet44", "resnet56");
  }

  /**
   * A backbone with all-zero weights, in training mode on the CPU; initialise it or load a
   * checkpoint next.
   */
  public static Backbone create(Arch arch) {
    return switch (arch.name()) {
      case "resnet18" -> new ResNet18(arch);
      case "resnet20" -> new CifarResNet(arch, 3);
      case "resnet32" -> new CifarResNet(arch, 5);
      case "resnet44" -> new CifarResNet(arch, 7);
      case "resnet56" -> new CifarResNet(arch, 9);
      default -> throw new AssertionError(arch.name());
    };
  }

  /**
   * What weights with these names and shapes belong to. An {@code arch} entry of the metadata wins
   * over the names, and {@code classes}, {@code channels}, {@code width}, {@code image_size} over
   * the shapes; without the last the image size is 32.
   *
   * @throws InputException if that leaves doubt: it lists the candidates
   */
  public static Arch recognise(Map<String, long[]> shapes, Map<String, String> metadata) {
    return ArchRecognition.recognise(shapes, metadata);
  }

  /**
   * Reads a weights file into a new backbone in evaluation mode on the CPU.
   *
   * @param name the architecture outright; null = by metadata, else by names and shapes
   * @throws InputException if the file is unsound, its architecture in doubt, or its tensors do not
   *     fit or are not finite
   */
  public static Backbone open(Path file, String name) {
    try (PointerScope scope = new PointerScope()) {
      Checkpoint.Loaded loaded = Checkpoint.read(file);
      Map<String, String> metadata = new LinkedHashMap<>(loaded.metadata());
      if (name != null) {
        metadata.put(Arch.KEY_NAME, name);
      }
      Backbone backbone = create(recogniseIn(file, loaded.shapes(), metadata));
      try {
        Checkpoint.load(backbone, loaded);
        backbone.train(false);
        return backbone;
      } catch (RuntimeException e) {
        backbone.close();
        throw e;
      }
    }
  }

  private static Arch recogniseIn(
      Path file, Map<String, long[]> shapes, Map<String, String> metadata) {
    try {
      return recognise(shapes, metadata);
    } catch (InputException e) {
      throw new InputException(file + ": " + e.getMessage(), e);
    }
  }
}
