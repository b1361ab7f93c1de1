package dev.lotus.bench;

import static org.bytedeco.pytorch.global.torch.empty_like;
import static org.bytedeco.pytorch.global.torch.log_softmax;
import static org.bytedeco.pytorch.global.torch.ones_like;
import static org.bytedeco.pytorch.global.torch.softmax;
import static org.bytedeco.pytorch.global.torch.zeros_like;

import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * The LoTUS loss as the published code composes it (upstream {@code lotus_class.py:219-240}), from
 * libtorch operations, eager: two calls of gumbel_softmax over the whole batch, the soft one at tau
 * and the hard one at 1, of which each row uses one; then cross entropy against the mixed target
 * and autograd to the student's logits.
 */
final class ComposedLoss {
  private ComposedLoss() {}

  /** -log E, E exponential: PyTorch's own draw inside gumbel_softmax. */
  static Tensor noise(Tensor like) {
    return empty_like(like).exponential_(1.0, new GeneratorOptional()).log().neg();
  }

  /** gumbel_softmax(logits, tau, hard=False), with its noise given. */
  static Tensor soft(Tensor logits, Tensor noise, double tau) {
    return softmax(logits.add(noise).div(new Scalar(tau)), -1);
  }

  /** gumbel_softmax(logits, tau=1, hard=True): one-hot in the forward pass. */
  static Tensor hard(Tensor logits, Tensor noise) {
    Tensor soft = softmax(logits.add(noise), -1);
    Tensor index = soft.argmax(new LongOptional(-1), true);
    Tensor oneHot = zeros_like(logits).scatter_(-1, index, new Scalar(1.0));
    return oneHot.sub(soft.detach()).add(soft);
  }

  /** Mean loss over the rows; {@code isForget} is [B, 1], 1 or 0. */
  static Tensor loss(
      Tensor student,
      Tensor teacher,
      Tensor isForget,
      double tau,
      Tensor hardNoise,
      Tensor softNoise) {
    Tensor retain = hard(teacher, hardNoise);
    Tensor forget = soft(teacher, softNoise, tau);
    Tensor target = isForget.mul(forget).add(ones_like(isForget).sub(isForget).mul(retain));
    Tensor logP = log_softmax(student, -1);
    return target.mul(logP).sum().neg().div(new Scalar((double) student.size(0)));
  }

  /** The whole step: noise, loss, gradient of the student's logits. */
  static Tensor step(Tensor student, Tensor teacher, Tensor isForget, double tau) {
    Tensor loss = loss(student, teacher, isForget, tau, noise(teacher), noise(teacher));
    loss.backward();
    return loss;
  }
}
