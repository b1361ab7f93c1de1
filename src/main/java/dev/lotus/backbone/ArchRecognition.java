package dev.lotus.backbone;

import dev.lotus.device.InputException;
import java.util.Arrays;
import java.util.Map;

/** Tells the architecture of a weights file by its metadata, or by its names and shapes. */
final class ArchRecognition {
  /** Blocks in a stage of the CIFAR ResNets, by depth. */
  private static final Map<Integer, String> BY_BLOCKS =
      Map.of(3, "resnet20", 5, "resnet32", 7, "resnet44", 9, "resnet56");

  private static final int[] RESNET18 = {64, 128, 256, 512};
  private static final int[] CIFAR = {16, 32, 64};
  private final Map<String, long[]> shapes;

  private ArchRecognition(Map<String, long[]> shapes) {
    this.shapes = shapes;
  }

  static Arch recognise(Map<String, long[]> shapes, Map<String, String> metadata) {
    ArchRecognition recognition = new ArchRecognition(shapes);
    String name = metadata.get(Arch.KEY_NAME);
    if (name == null) {
      name = recognition.nameByKeys();
    }
    boolean resnet18 = name.equals("resnet18");
    Arch byShapes =
        new Arch(
            name,
            (int) recognition.extent(resnet18 ? "fc.weight" : "linear.weight", 2, 0),
            (int) recognition.extent("conv1.weight", 4, 1),
            recognition.width(resnet18 ? RESNET18 : CIFAR),
            32);
    return Arch.fromMetadata(metadata, byShapes);
  }

  private String nameByKeys() {
    if (shapes.containsKey("fc.weight")
        && shapes.containsKey("layer4.1.conv2.weight")
        && shapes.containsKey("layer1.0.identity_conv.weight")) {
      return "resnet18";
    }
    if (shapes.containsKey("linear.weight")
        && shapes.containsKey("layer3.0.conv1.weight")
        && !shapes.containsKey("layer4.0.conv1.weight")) {
      int blocks = 0;
      while (shapes.containsKey("layer1." + blocks + ".conv1.weight")) {
        blocks++;
      }
      String name = BY_BLOCKS.get(blocks);
      if (name != null) {
        return name;
      }
    }
    throw new InputException(
        "the architecture is not recognisable from "
            + shapes.size()
            + " tensors"
            + shapes.keySet().stream().findFirst().map(n -> " (the first is " + n + ")").orElse("")
            + "; candidates: resnet18 (has layer1.0.identity_conv.weight, fc.weight), resnet20,"
            + " resnet32, resnet44, resnet56 (have layer3.0.conv1.weight, linear.weight); name it"
            + " with --arch");
  }

  /** Extent {@code axis} of a tensor that must be there with {@code rank} axes. */
  private long extent(String name, int rank, int axis) {
    long[] shape = shapes.get(name);
    if (shape == null || shape.length != rank || shape[axis] > Integer.MAX_VALUE) {
      throw new InputException(
          "tensor "
              + name
              + (shape == null ? " is missing" : " has shape " + Arrays.toString(shape))
              + ": the architecture's size cannot be told");
    }
    return shape[axis];
  }

  /**
   * A width factor that gives the channels seen. Each layer allows an interval, since channels are
   * rounded to multiples of 8; the first layer's plain ratio is taken where it serves them all,
   * else the middle of what they share.
   */
  private double width(int[] bases) {
    double low = 0;
    double high = Double.MAX_VALUE;
    for (int layer = 0; layer < bases.length; layer++) {
      long channels = extent("layer" + (layer + 1) + ".0.conv1.weight", 4, 0);
      low = Math.max(low, channels <= 8 ? 0 : (channels - 4.0) / bases[layer]);
      high = Math.min(high, (channels + 4.0) / bases[layer]);
    }
    double plain = (double) extent("conv1.weight", 4, 0) / bases[0];
    return plain >= low && plain < high || low >= high ? plain : (low + high) / 2;
  }
}
