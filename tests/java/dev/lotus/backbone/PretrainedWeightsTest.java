package dev.lotus.backbone;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lotus.device.LeakCheck;
import java.nio.file.Files;
import java.nio.file.Path;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Somebody else's trained ResNet-20 on real CIFAR-10 records: names, layout and arithmetic are
 * those of its training.
 */
@ExtendWith(LeakCheck.class)
class PretrainedWeightsTest {
  private static final int RECORDS = 500;
  private static final int PIXELS = 32 * 32;
  private static final float[] MEAN = {0.485f, 0.456f, 0.406f};
  private static final float[] STD = {0.229f, 0.224f, 0.225f};

  @Test
  void aForeignResnet20ClassifiesItsTrainingImages() throws Exception {
    String data = System.getProperty("lotus.data", "");
    assumeTrue(!data.isEmpty(), "needs -Dlotus.data=DIR with cifar-10-subset/");
    Path images = Path.of(data, "cifar-10-subset", "cifar-10-batches-bin", "data_batch_1.bin");
    String folder = System.getProperty("lotus.weights", "");
    Path weights =
        (folder.isEmpty() ? Path.of(data).resolveSibling("weights") : Path.of(folder))
            .resolve("resnet20-cifar10.safetensors");
    assumeTrue(Files.exists(images), () -> "needs " + images);
    assumeTrue(Files.exists(weights), () -> "needs " + weights + " (-Dlotus.weights=DIR)");

    byte[] records = Files.readAllBytes(images);
    assumeTrue(records.length >= RECORDS * (1 + 3 * PIXELS), () -> images + " is too short");
    float[] normalised = new float[RECORDS * 3 * PIXELS];
    long[] labels = new long[RECORDS];
    for (int r = 0, at = 0, to = 0; r < RECORDS; r++) {
      labels[r] = records[at++];
      for (int channel = 0; channel < 3; channel++) {
        for (int p = 0; p < PIXELS; p++) {
          normalised[to++] = ((records[at++] & 0xFF) / 255f - MEAN[channel]) / STD[channel];
        }
      }
    }
    try (PointerScope scope = new PointerScope();
        NoGradGuard noGrad = new NoGradGuard();
        Backbone model = Backbones.open(weights, null)) {
      assertThat(model.arch()).isEqualTo(new Arch("resnet20", 10, 3, 1, 32));
      Tensor logits = model.forward(torch.tensor(normalised).view(RECORDS, 3, 32, 32));
      long correct =
          logits.argmax(new LongOptional(1), false).eq(torch.tensor(labels)).sum().item_long();
      assertThat(correct / (double) RECORDS).isGreaterThanOrEqualTo(0.99);
    }
  }
}
