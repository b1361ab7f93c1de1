package dev.lotus.unlearn;

import dev.lotus.load.Batch;
import org.bytedeco.pytorch.CrossEntropyLossOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.bytedeco.pytorch.kNone;

/**
 * Mean cross-entropy against the labels, in fp32: training from scratch, and what fine-tuning goes
 * on with.
 */
final class CrossEntropyStep implements EpochRunner.Step {
  @Override
  public void backward(Tensor logits_BC, Batch batch, int step, Tensor losses_B) {
    CrossEntropyLossOptions each = new CrossEntropyLossOptions();
    each.reduction().put(new kNone());
    Tensor losses = torch.cross_entropy(logits_BC.to(ScalarType.Float), batch.labels(), each);
    losses_B.copy_(losses.detach());
    losses.mean().backward();
  }
}
