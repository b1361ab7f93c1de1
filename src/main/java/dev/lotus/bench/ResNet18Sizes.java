package dev.lotus.bench;

import java.util.ArrayList;
import java.util.List;

/** Element counts of the 62 parameter tensors of ResNet18 (He et al., 2016) with ten classes. */
final class ResNet18Sizes {
  private static final long[] WIDTHS = {64, 128, 256, 512};

  private ResNet18Sizes() {}

  static List<Long> all() {
    List<Long> sizes = new ArrayList<>();
    convolution(sizes, 3, 64, 3);
    long in = 64;
    for (long width : WIDTHS) {
      for (int block = 0; block < 2; block++) {
        convolution(sizes, in, width, 3);
        convolution(sizes, width, width, 3);
        if (in != width) {
          convolution(sizes, in, width, 1);
        }
        in = width;
      }
    }
    sizes.add(in * 10);
    sizes.add(10L);
    return sizes;
  }

  static long total() {
    return all().stream().mapToLong(Long::longValue).sum();
  }

  /** A convolution without bias and its BatchNorm's two vectors. */
  private static void convolution(List<Long> sizes, long in, long out, long side) {
    sizes.add(in * out * side * side);
    sizes.add(out);
    sizes.add(out);
  }
}
