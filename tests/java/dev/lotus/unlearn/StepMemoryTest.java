package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.DeviceMemory;
import dev.lotus.device.LeakCheck;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakCheck.class)
class StepMemoryTest {
  private static final int BATCH = 128;

  @Test
  void whatTwoSmallStepsTellIsWhatALargeOneTakes() {
    Rig rig = Rig.of(10, 10, 10);
    long none = 0; // nothing fits: it measures until the measure is sure
    try (Backbone model = Backbones.create(new Arch("resnet18", 10, 3, 0.5, 32))) {
      model.initialise(1);
      StepMemory step = StepMemory.of(rig.engine, model, rig.data.dataset().train(), BATCH, none);
      model.train(true);
      long peak =
          DeviceMemory.peakOf(
              ComputeDevice.CPU,
              () -> {
                try (PointerScope scope = new PointerScope()) {
                  Tensor images_BCHW = torch.zeros(BATCH, 3, 32, 32);
                  Tensor labels_B =
                      torch.torch_zeros(
                          new long[] {BATCH}, ComputeDevice.CPU.options(ScalarType.Long));
                  new CrossEntropyStep(rig.engine, model)
                      .backward(images_BCHW, labels_B, BATCH, torch.zeros(BATCH));
                }
              });
      // A step that takes memory which other tests have freed seems to take less.
      assertThat(step.bytes(BATCH)).isBetween(0.7 * peak, 3.0 * peak);
    }
  }

  @Test
  void theLargestPowerOfTwoThatLeavesAMargin() {
    StepMemory step = new StepMemory(100e6, 1e6);
    assertThat(step.fitting(100, 240_000_000L)).isEqualTo(100);
    assertThat(step.fitting(100, 230_000_000L)).isEqualTo(64);
    assertThat(step.fitting(128, 160_000_000L)).isEqualTo(32);
    assertThat(step.fitting(128, 118_000_000L)).isZero();
  }
}
