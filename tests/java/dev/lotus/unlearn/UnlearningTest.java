package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.data.Dataset;
import dev.lotus.data.ImageSet;
import dev.lotus.data.Normalization;
import dev.lotus.data.Split;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import dev.lotus.device.NativeScope;
import dev.lotus.device.TorchRuntime;
import dev.lotus.metric.Metrics;
import dev.lotus.optim.WeightUpdate;
import dev.lotus.report.EpochTrace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The engine as a library, with everything that a caller may bring along. */
@ExtendWith(LeakCheck.class)
class UnlearningTest {
  static final Dataset DATA =
      new Dataset(
          "stripes",
          new Stripes(120, 0),
          new Stripes(60, 7),
          List.of("left", "middle", "right"),
          "of stripes",
          new Normalization(new float[] {0.5f}, new float[] {0.25f}));

  static final Split SPLIT = Split.random(DATA, 0.2, false, 1);

  @BeforeAll
  static void load() {
    TorchRuntime.load(2);
  }

  /** A caller's own data source: a bright column in one third of the image says the class. */
  private record Stripes(int size, int salt) implements ImageSet {
    @Override
    public int channels() {
      return 1;
    }

    @Override
    public int height() {
      return 6;
    }

    @Override
    public int width() {
      return 6;
    }

    @Override
    public int label(int index) {
      return index % 3;
    }

    @Override
    public void read(int index, byte[] dst, int offset) {
      for (int i = 0; i < 36; i++) {
        boolean bright = i % 6 / 2 == label(index);
        dst[offset + i] = (byte) ((bright ? 170 : 60) + (index * 31 + i * 17 + salt) % 40);
      }
    }
  }

  /** A caller's own model: softmax regression on the pixels. */
  private static final class Linear implements Backbone {
    private final Tensor weight;

    Linear() {
      try (PointerScope scope = new PointerScope()) {
        weight = NativeScope.own(torch.zeros(36, 3).requires_grad_(true));
      }
    }

    @Override
    public Arch arch() {
      return Arch.custom(3, 1, 6);
    }

    @Override
    public Tensor forward(Tensor images_BCHW) {
      return images_BCHW.reshape(images_BCHW.size(0), 36).matmul(weight);
    }

    @Override
    public void train(boolean on) {
      // Both modes compute the same.
    }

    @Override
    public List<Tensor> parameters() {
      return List.of(weight);
    }

    @Override
    public LinkedHashMap<String, Tensor> state() {
      LinkedHashMap<String, Tensor> state = new LinkedHashMap<>();
      state.put("weight", weight);
      return state;
    }

    @Override
    public Backbone copy() {
      Linear other = new Linear();
      try (PointerScope scope = new PointerScope();
          NoGradGuard noGrad = new NoGradGuard()) {
        other.weight.copy_(weight);
      }
      return other;
    }

    @Override
    public void to(ComputeDevice device) {
      assertThat(device).isEqualTo(ComputeDevice.CPU);
    }

    @Override
    public void channelsLast(boolean on) {
      // There is no convolution.
    }

    @Override
    public void initialise(long seed) {
      try (PointerScope scope = new PointerScope();
          NoGradGuard noGrad = new NoGradGuard()) {
        float[] values = new float[108];
        for (int i = 0; i < 108; i++) {
          values[i] = i / 3 % 6 / 2 == i % 3 ? 0.4f : -0.2f;
        }
        weight.copy_(torch.tensor(values).view(36, 3));
      }
    }

    float[] values() {
      float[] values = new float[108];
      new FloatPointer(weight.data_ptr()).get(values);
      return values;
    }

    @Override
    public void close() {
      NativeScope.release(weight);
    }
  }

  /** A caller's own optimizer: plain gradient descent, which counts. */
  private static final class Descent implements WeightUpdate {
    private final List<Tensor> parameters;
    private final AtomicInteger steps;
    private double rate;

    Descent(List<Tensor> parameters, AtomicInteger steps) {
      this.parameters = parameters;
      this.steps = steps;
    }

    @Override
    public void step() {
      steps.incrementAndGet();
      try (PointerScope scope = new PointerScope();
          NoGradGuard noGrad = new NoGradGuard()) {
        for (Tensor parameter : parameters) {
          parameter.sub_(parameter.grad().mul(new Scalar(rate)));
        }
      }
    }

    @Override
    public void zeroGrad() {
      for (Tensor parameter : parameters) {
        try (PointerScope scope = new PointerScope()) {
          if (parameter.grad().defined()) {
            parameter.mutable_grad().reset();
          }
        }
      }
    }

    @Override
    public void learningRate(double newRate) {
      rate = newRate;
    }

    @Override
    public void close() {
      // It has no moments.
    }
  }

  private static Linear trained() {
    Linear model = new Linear();
    model.initialise(0);
    return model;
  }

  private static Unlearning.Builder run(Backbone model, long seed) {
    return Unlearning.builder()
        .original(model)
        .data(DATA)
        .split(SPLIT)
        .configure(c -> c.epochs(2).batch(16).learningRate(0.05).fixedTau(4.0).seed(seed));
  }

  @Test
  void runsWithTheCallersModelDataOptimizerAndListener() {
    List<String> phases = new ArrayList<>();
    List<EpochTrace> epochs = new ArrayList<>();
    List<Metrics> told = new ArrayList<>();
    AtomicInteger steps = new AtomicInteger();
    Unlearning.Listener listener =
        new Unlearning.Listener() {
          @Override
          public void step(String phase, long images, long of) {
            assertThat(images).isBetween(1L, of);
            if (!phases.contains(phase)) {
              phases.add(phase);
            }
          }

          @Override
          public void epoch(EpochTrace trace) {
            epochs.add(trace);
          }

          @Override
          public void metrics(Metrics metrics) {
            told.add(metrics);
          }
        };
    try (Linear original = trained()) {
      float[] before = original.values();
      try (Unlearning.Result result =
          run(original, 1)
              .optimizer(parameters -> new Descent(parameters, steps))
              .listener(listener)
              .retrained(original)
              .run()) {
        assertThat(original.values()).isEqualTo(before);
        assertThat(((Linear) result.model()).values()).isNotEqualTo(before);
        assertThat(result.trace()).isEqualTo(epochs).hasSize(2);
        assertThat(told).containsExactly(result.metrics());
        assertThat(result.metrics().avgGap()).isNotNull();
      }
    }
    // 24 samples to forget and int(0.3 x 96) to keep, in batches of 16, twice.
    assertThat(steps).hasValue(8);
    assertThat(phases).contains("epoch 1", "epoch 2", "evaluating forget");
  }

  @Test
  void unlearningLowersTheConfidenceInWhatIsForgotten() {
    try (Linear original = trained();
        Unlearning.Result result =
            run(original, 1).configure(c -> c.epochs(20).fixedTau(50.0)).run()) {
      assertThat(result.metrics().mia()).isLessThan(1);
      assertThat(entropy(result.model())).isGreaterThan(entropy(original) * 1.05);
    }
  }

  private static double entropy(Backbone model) {
    Engine engine =
        Engine.open(
            ComputeDevice.CPU,
            dev.lotus.device.Precision.FP32,
            DATA.normalization(),
            Engine.Listener.NONE);
    float[] values =
        new Evaluator(engine).statistics(model, DATA.train(), SPLIT.forget(), "forget").entropy();
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum / values.length;
  }

  @Test
  void isCancelledAtTheNextStepAndLeavesNothing() {
    AtomicInteger asked = new AtomicInteger();
    try (Linear original = trained()) {
      assertThatThrownBy(() -> run(original, 1).cancelWhen(() -> asked.incrementAndGet() > 5).run())
          .isInstanceOf(CancellationException.class)
          .hasMessageMatching("cancelled at .*, image \\d+ of \\d+");
    }
    assertThat(asked).hasValue(6);
  }

  @Test
  void aListenerThatThrowsEndsTheRunWithItsException() {
    try (Linear original = trained()) {
      Unlearning.Listener listener =
          new Unlearning.Listener() {
            @Override
            public void epoch(EpochTrace trace) {
              throw new IllegalArgumentException("enough");
            }
          };
      assertThatThrownBy(() -> run(original, 1).listener(listener).run())
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("enough");
    }
  }

  @Test
  void twoRunsAtOnceAreAsTwoRunsInTurn() throws Exception {
    float[][] inTurn = {weights(1), weights(2)};
    assertThat(inTurn[0]).isNotEqualTo(inTurn[1]);
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      for (int repeat = 0; repeat < 3; repeat++) {
        Future<float[]> first = threads.submit(() -> weights(1));
        Future<float[]> second = threads.submit(() -> weights(2));
        assertThat(first.get()).isEqualTo(inTurn[0]);
        assertThat(second.get()).isEqualTo(inTurn[1]);
      }
    } finally {
      threads.shutdown();
    }
  }

  /** Of a network with convolutions and BatchNorm after a run. */
  private static float[] weights(long seed) {
    try (Backbone original = Backbones.create(new Arch("resnet20", 3, 1, 0.25, 6))) {
      original.initialise(5);
      try (Unlearning.Result result = run(original, seed).measured(false).run();
          PointerScope scope = new PointerScope()) {
        assertThat(result.metrics()).isNull();
        Tensor last = result.model().parameters().get(result.model().parameters().size() - 2);
        float[] values = new float[(int) last.numel()];
        new FloatPointer(last.contiguous().data_ptr()).get(values);
        return values;
      }
    }
  }

  @Test
  void saysWhatIsMissingOrDoesNotFit() {
    assertThatThrownBy(() -> Unlearning.builder().run())
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("an unlearning run needs original(...)");
    try (Linear original = trained()) {
      assertThatThrownBy(() -> run(original, 1).configure(c -> c.method("forgetful")).run())
          .isInstanceOf(InputException.class)
          .hasMessageContaining("forgetful")
          .hasMessageContaining("lotus, finetune");
      assertThatThrownBy(
              () ->
                  run(original, 1)
                      .configure(c -> c.method("salun"))
                      .optimizer(p -> new Descent(p, new AtomicInteger()))
                      .run())
          .isInstanceOf(InputException.class)
          .hasMessageContaining("salun works through its own optimizer");
    }
  }
}
