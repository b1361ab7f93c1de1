package dev.lotus.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Our optimizers beside libtorch's, step by step. */
final class Peers {
  private Peers() {}

  interface Update {
    void run(long step, Clipping clipping);
  }

  /**
   * The gradient of step k at weight w is a_k + w / 10: it depends on what the steps before made.
   * Ours get the gradient of libtorch's weights, so that only the update is compared.
   *
   * @param ours two tensors of together 1001 elements
   * @param peer the same in one
   */
  static void twentySteps(
      Backend backend,
      Weights ours,
      Tensor peer,
      double maxNorm,
      Runnable theirStep,
      Update ourStep) {
    for (long step = 1; step <= 20; step++) {
      try (PointerScope scope = new PointerScope()) {
        float[] weights = Backend.hostFloats(peer.detach());
        float[] gradient = Weights.normals(weights.length, 0.5, 100 + step);
        for (int i = 0; i < gradient.length; i++) {
          gradient[i] += weights[i] / 10;
        }
        Tensor theirs = backend.floats(gradient);
        peer.mutable_grad().put(theirs);
        // The list keeps its addresses: new values into the old memory.
        ours.setGradient(gradient);
        Tensor norm = backend.zeroDoubles(1);
        GradientNorm.run(
            ours.list,
            Backend.doublesAt(norm),
            Backend.doublesAt(backend.zeroDoubles(GradientNorm.WORKSPACE)),
            null);
        double theirNorm = torch.clip_grad_norm_(new TensorVector(peer), maxNorm);
        assertThat(Backend.hostDoubles(norm)[0])
            .isCloseTo(theirNorm, org.assertj.core.api.Assertions.withinPercentage(1e-3));
        theirStep.run();
        ourStep.run(step, new Clipping(Backend.doublesAt(norm), maxNorm));
        float[] expected = Backend.hostFloats(peer.detach());
        float[] actual = ours.values(ours.weight);
        for (int i = 0; i < expected.length; i++) {
          // Each step rounds each side's weight twice, by at most half a unit in the last place.
          float allowed = 2 * step * Math.ulp(Math.max(1, Math.abs(expected[i])));
          assertThat(Math.abs(actual[i] - expected[i]))
              .as("weight[%d] after step %d: %s beside %s", i, step, actual[i], expected[i])
              .isLessThanOrEqualTo(allowed);
        }
      }
    }
  }
}
