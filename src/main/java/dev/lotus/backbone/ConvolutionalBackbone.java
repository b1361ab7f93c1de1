package dev.lotus.backbone;

import dev.lotus.device.InputException;
import org.bytedeco.pytorch.Tensor;

/** What the ResNets share: images of any size, as long as BatchNorm has more than one value. */
abstract class ConvolutionalBackbone extends LayeredBackbone {
  ConvolutionalBackbone(Arch arch) {
    super(arch);
  }

  /** Height (or width) at the last BatchNorm for images of {@code size}. */
  abstract long lastSize(long size);

  @Override
  final void requireSize(Tensor images, boolean training) {
    if (training && images.size(0) * lastSize(images.size(2)) * lastSize(images.size(3)) == 1) {
      throw new InputException(
          "a training batch of one "
              + images.size(2)
              + "x"
              + images.size(3)
              + " image leaves BatchNorm one value a channel; take a batch size that leaves no such"
              + " rest");
    }
  }
}
