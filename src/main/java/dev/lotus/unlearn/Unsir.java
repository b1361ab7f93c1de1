package dev.lotus.unlearn;

import dev.lotus.data.Normalization;
import dev.lotus.data.SplitMix;
import dev.lotus.kernel.AdamW;
import dev.lotus.kernel.Clipping;
import dev.lotus.kernel.DType;
import dev.lotus.kernel.MaskMode;
import dev.lotus.kernel.TensorList;
import dev.lotus.load.Batch;
import dev.lotus.load.EpochOrder;
import dev.lotus.optim.WeightUpdate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.GeneratorOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * UNSIR (Tarun et al., IEEE TNNLS 2023), for samples instead of classes as upstream {@code
 * unsir_class.py} has it: each epoch first impairs, then repairs.
 *
 * <pre>
 *   noise    from N(0, 1), five steps of Adam at 0.01 up || student(noise) - student(forget batch) ||^2 / (B C)
 *   impair   CE(noise, labels of a retain batch) + CE(retain batch), a step a batch of D_f
 *   repair   CE on the retain subset
 * </pre>
 *
 * <p>The retain subset is the first 1000 samples of each class in D_r, 100 on CIFAR-100 and
 * Tiny-ImageNet. Noise is made against the student in evaluation mode and then clamped to what a
 * normalised image can be. SGD with momentum 0.9, no weight decay. Quirks: {@link
 * UpstreamQuirk#UNSIR_NOISE_STEP}, {@link UpstreamQuirk#UNSIR_WHOLE_BATCHES}, {@link
 * UpstreamQuirk#UNSIR_NOISE_CLAMP}.
 */
final class Unsir implements UnlearnMethod {
  private static final int NOISE_STEPS = 5;
  private static final double NOISE_RATE = 0.01;
  private static final int MOST_A_CLASS = 1000;
  private static final int MOST_A_CLASS_OF_MANY = 100;
  private static final List<String> MANY_CLASSES = List.of("cifar100", "tiny-imagenet");

  /** Keeps the noise's numbers apart from others of the same seed. */
  private static final long STREAM = 0x6e6f697365L;

  private Task task;
  private WeightUpdate update;
  private EpochOrder forget;
  private EpochOrder retain;
  private Partner retainBatches;

  @Override
  public WeightUpdate optimizer(Task task) {
    update = Finetune.momentum(task);
    return update;
  }

  @Override
  public boolean takesAnyOptimizer() {
    return false;
  }

  @Override
  public void prepare(Task task) {
    this.task = task;
    forget = EpochOrder.of(task.data().split().forget());
    retain = EpochOrder.of(subset(task.data()));
    retainBatches = new Partner(task, retain.indices());
  }

  /** The noise is drawn, and climbs, for a whole batch. */
  @Override
  public boolean shares(UnlearnConfig config) {
    return false;
  }

  /** The first samples of each class in D_r. */
  static int[] subset(UnlearnData data) {
    int most = MANY_CLASSES.contains(data.dataset().name()) ? MOST_A_CLASS_OF_MANY : MOST_A_CLASS;
    int[] counts = new int[data.dataset().classes()];
    return Arrays.stream(data.split().retain())
        .filter(index -> counts[data.dataset().train().label(index)]++ < most)
        .toArray();
  }

  @Override
  public List<Pass> passes(Task task, int epoch) {
    Pass impair = Pass.of(RandomLabel.IMPAIR, forget, this::impair);
    if (task.quirk(UpstreamQuirk.UNSIR_WHOLE_BATCHES)) {
      int batch = task.config().batch();
      int whole = Math.min(forget.size(), retain.size()) / batch * batch;
      EpochOrder order = forget.shuffled(task.config().seed(), EpochRunner.drawOf(epoch, 0));
      int[] taken = Arrays.copyOf(order.indices(), whole);
      impair = Pass.of(RandomLabel.IMPAIR, EpochOrder.of(taken), this::impair).inOrder();
    }
    List<Pass> passes = new ArrayList<>();
    if (impair.order().size() > 0) {
      retainBatches.begin(impair.order().size(), epoch);
      passes.add(impair);
    }
    passes.add(Pass.of(RandomLabel.REPAIR, retain, task.crossEntropy()));
    return passes;
  }

  private void impair(Batch batch, int step, Tensor losses_B) {
    Batch kept = retainBatches.next(batch);
    Tensor noise = noise(batch.images(), step);
    task.student().train(true);
    update.zeroGrad();
    CrossEntropyStep crossEntropy = task.crossEntropy();
    crossEntropy.backward(noise, kept.labels(), kept.whole(), losses_B);
    crossEntropy.backward(kept.images(), kept.labels(), kept.whole(), losses_B);
  }

  /** [B, channels, H, W] as the forget batch, without a gradient; owned by the caller's scope. */
  private Tensor noise(Tensor forget, int step) {
    long seed = SplitMix.hash(SplitMix.hash(task.config().seed(), STREAM), step);
    long[] shape = {forget.size(0), forget.size(1), forget.size(2), forget.size(3)};
    // Drawn on the CPU: the same numbers on every device.
    Tensor drawn = torch.randn(shape, new GeneratorOptional(torch.make_generator_cpu(seed)));
    Tensor noise = Evaluator.on(task.engine().device(), drawn).set_requires_grad(true);
    boolean published = task.quirk(UpstreamQuirk.UNSIR_NOISE_STEP);
    task.student().train(published);
    Tensor first = torch.zeros_like(forget);
    Tensor second = torch.zeros_like(forget);
    Tensor target = null;
    for (int i = 1; i <= NOISE_STEPS; i++) {
      Tensor outputs = task.engine().logits(task.student(), noise).to(ScalarType.Float);
      // In evaluation mode the target stays; published, BatchNorm's statistics move each time.
      if (target == null || published) {
        target = outputs(forget);
      }
      if (!published || i == NOISE_STEPS) {
        torch.mse_loss(outputs, target).neg().backward();
        climb(noise, first, second, published ? 1 : i);
      }
    }
    return clamped(noise.detach());
  }

  private Tensor outputs(Tensor images) {
    try (NoGradGuard noGrad = new NoGradGuard()) {
      return task.engine().logits(task.student(), images).to(ScalarType.Float);
    }
  }

  /** A step of Adam, which is AdamW without weight decay. */
  private void climb(Tensor noise, Tensor first, Tensor second, int step) {
    Tensor gradient = noise.grad().contiguous();
    TensorList.Entry entry =
        new TensorList.Entry(
            TensorMatrix.floats(noise, 0),
            gradient.data_ptr(),
            TensorMatrix.floats(first, 0),
            TensorMatrix.floats(second, 0),
            null,
            null,
            noise.numel());
    try (TensorList list =
        new TensorList(List.of(entry), DType.FLOAT32, task.engine().device().nativeIndex())) {
      AdamW.run(
          list,
          AdamW.Settings.of(NOISE_RATE, 0),
          step,
          MaskMode.GRADIENT,
          Clipping.NONE,
          TensorMatrix.stream(task.engine().device()));
    }
    noise.mutable_grad().reset();
  }

  private Tensor clamped(Tensor noise) {
    Normalization n = task.engine().normalization();
    boolean published = task.quirk(UpstreamQuirk.UNSIR_NOISE_CLAMP);
    float[] low = new float[n.channels()];
    float[] high = new float[n.channels()];
    for (int c = 0; c < low.length; c++) {
      low[c] = published ? 0 : -n.mean()[c] / n.std()[c];
      high[c] = published ? 1 : (1 - n.mean()[c]) / n.std()[c];
    }
    return torch.clamp(noise, perChannel(low), perChannel(high));
  }

  private TensorOptional perChannel(float[] values) {
    Tensor tensor = torch.tensor(values).view(1, values.length, 1, 1);
    return new TensorOptional(Evaluator.on(task.engine().device(), tensor));
  }

  @Override
  public void close() {
    if (retainBatches != null) {
      retainBatches.close();
    }
  }
}
