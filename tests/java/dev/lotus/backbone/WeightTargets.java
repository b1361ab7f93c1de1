package dev.lotus.backbone;

import dev.lotus.fuzz.FuzzTarget;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipFile;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Models in files. A TorchScript program is libtorch's to read, and no target here. */
public final class WeightTargets {
  public static final List<String> NAMES =
      List.of("torch-zip", "torch-legacy", "torch-pickle", "safetensors", "model");

  private WeightTargets() {}

  /**
   * @param folder takes the files
   */
  public static FuzzTarget target(String name, Path folder) throws IOException {
    return switch (name) {
      case "torch-zip" -> weights(folder.resolve("a.pth"), "types.pth", "strided.pth");
      case "torch-legacy" -> weights(folder.resolve("a.th"), "strided.th");
      case "safetensors" -> weights(folder.resolve("a"), "strided.expected.safetensors");
      case "torch-pickle" ->
          FuzzTarget.of(
              bytes -> StateDicts.find(new TorchPickle(ByteBuffer.wrap(bytes)).read()), pickle());
      case "model" -> model(folder.resolve("model.safetensors"));
      default -> throw new IllegalArgumentException("no parser " + name);
    };
  }

  /** What is read may take no more memory than the file has bytes. */
  private static FuzzTarget weights(Path file, String... seeds) throws IOException {
    byte[][] valid = new byte[seeds.length][];
    for (int i = 0; i < seeds.length; i++) {
      valid[i] = Files.readAllBytes(GoldenModels.file(seeds[i]));
    }
    return FuzzTarget.file(
        file,
        written -> {
          long size = Files.size(written);
          try (PointerScope scope = new PointerScope()) {
            for (Map.Entry<String, Tensor> read : Checkpoint.read(written).tensors().entrySet()) {
              if (read.getValue().nbytes() > size) {
                throw new AssertionError(read.getKey() + " has more bytes than the file: " + size);
              }
            }
          }
        },
        valid);
  }

  private static byte[] pickle() throws IOException {
    try (ZipFile zip = new ZipFile(GoldenModels.file("types.pth").toFile())) {
      return zip.getInputStream(zip.getEntry("types/data.pkl")).readAllBytes();
    }
  }

  /** Names, metadata and shapes tell what is built. The narrowest network there is, in 16 bits. */
  private static FuzzTarget model(Path file) throws IOException {
    Arch arch = new Arch("resnet20", 2, 1, 1 / 16.0, 32);
    try (PointerScope scope = new PointerScope();
        Backbone backbone = Backbones.create(arch)) {
      Map<String, Tensor> halves = new LinkedHashMap<>();
      backbone
          .state()
          .forEach(
              (name, tensor) ->
                  halves.put(
                      name, tensor.is_floating_point() ? tensor.to(ScalarType.Half) : tensor));
      Checkpoint.write(file, halves, arch.toMetadata());
    }
    return FuzzTarget.file(
        file, written -> Backbones.open(written, null).close(), Files.readAllBytes(file));
  }
}
