package dev.lotus.backbone;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.device.LeakCheck;
import dev.lotus.device.TorchRuntime;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** One backbone that normalises in runs of rows does what several do with a run each. */
@ExtendWith(LeakCheck.class)
class ShardStatisticsTest {
  @Test
  void runsAreNormalisedAsBatchesOfTheirOwn() {
    TorchRuntime.loadOnce();
    try (Backbone whole = Backbones.create(new Arch("resnet20", 5, 3, 0.25, 16));
        PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard()) {
      whole.initialise(7);
      try (Backbone first = whole.copy();
          Backbone second = whole.copy()) {
        Tensor images = torch.rand(5, 3, 16, 16);
        Tensor a = first.forward(images.narrow(0, 0, 3));
        Tensor b = second.forward(images.narrow(0, 3, 2));
        whole.shards(new int[] {3, 2});
        Tensor both = whole.forward(images);
        assertThat(distance(both.narrow(0, 0, 3), a)).isLessThan(1e-5);
        assertThat(distance(both.narrow(0, 3, 2), b)).isLessThan(1e-5);

        String name = "layer2.0.bn1.running_var";
        Tensor before = whole.state().get(name).clone();
        assertThat(distance(before, torch.ones_like(before))).isZero();
        Tensor sums = whole.takeStatistics().get(0);
        whole.moveStatistics(sums, 2);
        // Each moved by a tenth towards its own: the mean of both is a tenth towards the mean.
        for (String moved : new String[] {name, "bn1.running_mean"}) {
          Tensor mean =
              first.state().get(moved).add(second.state().get(moved)).mul(new Scalar(0.5));
          assertThat(distance(whole.state().get(moved), mean)).as(moved).isLessThan(1e-5);
        }
        assertThat(whole.state().get("bn1.num_batches_tracked").item_long()).isEqualTo(1);
        assertThat(whole.takeStatistics()).isEmpty();
      }
    }
  }

  private static double distance(Tensor a, Tensor b) {
    return a.sub(b).abs().max().item_double();
  }
}
