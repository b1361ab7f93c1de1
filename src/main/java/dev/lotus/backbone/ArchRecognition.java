package dev.lotus.backbone;

import dev.lotus.device.InputException;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;

/** Tells the architecture of a weights file by its metadata, or by its names and shapes. */
final class ArchRecognition {
  /** Blocks in a stage of the CIFAR ResNets, by depth. */
  private static final Map<Integer, String> BY_BLOCKS =
      Map.of(3, "resnet20", 5, "resnet32", 7, "resnet44", 9, "resnet56");

  private static final int[] RESNET18 = {64, 128, 256, 512};
  private static final int[] CIFAR = {16, 32, 64};
  private static final String PATCH_WEIGHT = "patch_embed.proj.weight";
  private final Map<String, long[]> shapes;
  private final int newClasses;

  private ArchRecognition(Map<String, long[]> shapes, int newClasses) {
    this.shapes = shapes;
    this.newClasses = newClasses;
  }

  /**
   * @param newClasses what to take where the head is missing; 0 = that is a fault
   */
  static Arch recognise(Map<String, long[]> shapes, Map<String, String> metadata, int newClasses) {
    ArchRecognition recognition = new ArchRecognition(shapes, newClasses);
    String name = metadata.get(Arch.KEY_NAME);
    if (name == null) {
      name = recognition.nameByKeys();
    }
    Arch byShapes = name.startsWith("vit_") ? recognition.vit(name) : recognition.resnet(name);
    Arch arch = Arch.fromMetadata(metadata, byShapes);
    requireBacked("classes", arch.classes(), byShapes.classes());
    requireBacked("channels", arch.channels(), byShapes.channels());
    requireBacked("depth", arch.depth(), byShapes.depth());
    requireBacked("width, in channels,", channels(arch), channels(byShapes));
    if (arch.isTransformer()) {
      requireBacked("image_size", arch.imageSize(), byShapes.imageSize());
    }
    return arch;
  }

  /** A size that the tensors do not have would be allocated in vain, however large it is. */
  private static void requireBacked(String what, int inMetadata, int inTensors) {
    if (inMetadata != inTensors) {
      throw new InputException(
          "metadata say " + what + " = " + inMetadata + ", the tensors say " + inTensors);
    }
  }

  /**
   * Refuses tensors that are fewer numbers than the architecture's largest layers take, before
   * memory is taken for those: sizes are read off single axes, which cost a crafted file nothing.
   */
  static void requireHeld(Arch arch, Map<String, long[]> shapes) {
    double held = 0;
    for (long[] shape : shapes.values()) {
      held += Arrays.stream(shape).mapToDouble(extent -> extent).reduce(1, (a, b) -> a * b);
    }
    boolean headed = shapes.containsKey(head(arch.name()) + ".weight");
    double least = largestLayers(arch) + (headed ? (double) arch.classes() * features(arch) : 0);
    if (held < least) {
      throw new InputException(
          String.format(
              Locale.ROOT,
              "the tensors hold %.0f numbers; %s of the sizes read off them takes more than %.0f",
              held,
              arch.name(),
              least));
    }
  }

  private static int features(Arch arch) {
    if (arch.isTransformer()) {
      return VisionTransformer.channelsOf(arch);
    }
    return arch.channelsOf(arch.name().startsWith("resnet18") ? RESNET18[3] : CIFAR[2]);
  }

  /** First layer, and all blocks of a transformer or the last stage's of a ResNet. */
  private static double largestLayers(Arch arch) {
    double wide = features(arch);
    if (arch.isTransformer()) {
      double side = arch.imageSize() / VisionTransformer.PATCH;
      double patch = arch.channels() * VisionTransformer.PATCH * VisionTransformer.PATCH;
      return wide * (patch + side * side + 12 * wide * arch.depth());
    }
    boolean resnet18 = arch.name().startsWith("resnet18");
    double before = arch.channelsOf(resnet18 ? RESNET18[2] : CIFAR[1]);
    double first = arch.channelsOf(resnet18 ? RESNET18[0] : CIFAR[0]);
    return 9 * (arch.channels() * first + wide * before + (resnet18 ? 3 : 5) * wide * wide);
  }

  private static int channels(Arch arch) {
    return arch.isTransformer() ? VisionTransformer.channelsOf(arch) : arch.channelsOf(64);
  }

  /** The name of the layer that gives the logits. */
  static String head(String name) {
    return name.startsWith("vit_") ? "head" : name.startsWith("resnet18") ? "fc" : "linear";
  }

  private Arch resnet(String name) {
    int[] channels = name.startsWith("resnet18") ? RESNET18 : CIFAR;
    return new Arch(name, classes(name), (int) extent("conv1.weight", 4, 1), width(channels), 32);
  }

  private Arch vit(String name) {
    // An unknown name is Arch's to refuse.
    int heads = VisionTransformer.HEADS.getOrDefault(name, 1);
    double width = extent(PATCH_WEIGHT, 4, 0) / (64.0 * heads);
    long patches = extent("pos_embed", 3, 1) - 1;
    long side = Math.round(Math.sqrt(patches));
    if (patches < 1 || side * side != patches || side > 4096 / VisionTransformer.PATCH) {
      throw new InputException(
          "tensor pos_embed has " + (patches + 1) + " positions: not a class token and a square");
    }
    int depth = 0;
    while (shapes.containsKey("blocks." + depth + ".norm1.weight")) {
      depth++;
    }
    return new Arch(
        name,
        classes(name),
        (int) extent(PATCH_WEIGHT, 4, 1),
        width,
        (int) side * VisionTransformer.PATCH,
        depth,
        KeyLayout.LOTUS.layerNormEps());
  }

  private int classes(String name) {
    String weight = head(name) + ".weight";
    return newClasses > 0 && !shapes.containsKey(weight) ? newClasses : (int) extent(weight, 2, 0);
  }

  private String nameByKeys() {
    String name = null;
    if (shapes.containsKey(PATCH_WEIGHT)) {
      name = vitByKeys();
    } else if (shapes.containsKey("layer4.1.conv2.weight")) {
      name = resnet18ByKeys();
    } else if (shapes.containsKey("linear.weight")
        && shapes.containsKey("layer3.0.conv1.weight")
        && !shapes.containsKey("layer4.0.conv1.weight")) {
      int blocks = 0;
      while (shapes.containsKey("layer1." + blocks + ".conv1.weight")) {
        blocks++;
      }
      name = BY_BLOCKS.get(blocks);
    }
    if (name != null) {
      return name;
    }
    throw new InputException(
        "the architecture is not recognisable from "
            + shapes.size()
            + " tensors"
            + shapes.keySet().stream().findFirst().map(n -> " (the first is " + n + ")").orElse("")
            + "; candidates: resnet18 (has layer1.0.identity_conv.weight, fc.weight), resnet20,"
            + " resnet32, resnet44, resnet56 (have layer3.0.conv1.weight, linear.weight),"
            + " resnet18_torchvision, resnet18_cifar (have layer2.0.downsample.0.weight; conv1 of"
            + " 7x7 or 3x3), vit_b_16, vit_s_16, vit_ti_16 (768, 384 or 192 channels in patches of"
            + " 16x16); name it with --arch");
  }

  private String vitByKeys() {
    long[] shape = shapes.get(PATCH_WEIGHT);
    if (shape.length != 4 || shape[2] != VisionTransformer.PATCH) {
      return null;
    }
    return VisionTransformer.HEADS.entrySet().stream()
        .filter(e -> e.getValue() * 64L == shape[0])
        .map(Map.Entry::getKey)
        .findFirst()
        .orElse(null);
  }

  private String resnet18ByKeys() {
    if (shapes.containsKey("layer1.2.conv1.weight")
        || shapes.containsKey("layer1.0.conv3.weight")) {
      return null; // a deeper one
    }
    if (shapes.containsKey("layer1.0.identity_conv.weight")) {
      return shapes.containsKey("fc.weight") ? "resnet18" : null;
    }
    long[] stem = shapes.get("conv1.weight");
    if (!shapes.containsKey("layer2.0.downsample.0.weight") || stem == null || stem.length != 4) {
      return null;
    }
    return stem[2] == 7 ? "resnet18_torchvision" : stem[2] == 3 ? "resnet18_cifar" : null;
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
