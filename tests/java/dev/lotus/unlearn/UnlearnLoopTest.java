package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.data.Split;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.LeakCheck;
import dev.lotus.device.Precision;
import dev.lotus.device.ResultException;
import dev.lotus.device.TorchRuntime;
import dev.lotus.kernel.GumbelCrossEntropy.ForgetTarget;
import dev.lotus.kernel.GumbelCrossEntropy.RetainTarget;
import dev.lotus.load.Augmentation;
import dev.lotus.load.BatchLoader;
import dev.lotus.load.EpochOrder;
import dev.lotus.metric.SetStatistics;
import dev.lotus.optim.LearningRate;
import dev.lotus.optim.WeightUpdate;
import dev.lotus.report.EpochTrace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Real runs on a corner of the generated data, with a network of a few thousand weights. */
@ExtendWith(LeakCheck.class)
class UnlearnLoopTest {
  private static UnlearnData data;
  private static Engine engine;

  @BeforeAll
  static void open() {
    TorchRuntime.load(2);
    Dataset dataset = Datasets.open("synthetic", null, 0);
    Split whole = Split.random(dataset, 0.1, false, 1);
    Split corner =
        new Split(
            1,
            whole.dataset(),
            whole.dataSha256(),
            1,
            "random",
            Arrays.copyOf(whole.forget(), 60),
            Arrays.copyOf(whole.retain(), 300),
            Arrays.copyOf(whole.val(), 100),
            Arrays.copyOf(whole.test(), 100));
    data = new UnlearnData(dataset, corner);
    engine =
        new Engine(
            ComputeDevice.CPU, Precision.FP32, dataset.normalization(), Engine.Listener.NONE);
  }

  private static Backbone model(long seed) {
    Backbone model = Backbones.create(new Arch("resnet20", 10, 3, 0.5, 32));
    model.initialise(seed);
    model.train(false);
    return model;
  }

  private static UnlearnConfig config(
      String method, int epochs, double lr, double alpha, Double tau, Augmentation augmentation) {
    return new UnlearnConfig(
        method,
        epochs,
        64,
        lr,
        5e-4,
        augmentation,
        0.3,
        alpha,
        tau,
        Temperature.UNROUNDED,
        ForgetTarget.GUMBEL_SOFTMAX,
        RetainTarget.GUMBEL_HARD,
        3407);
  }

  private static float[] weights(Backbone model) {
    List<Float> all = new ArrayList<>();
    for (Tensor tensor : model.parameters()) {
      Tensor flat = tensor.detach().contiguous();
      float[] values = new float[(int) flat.numel()];
      new FloatPointer(flat.data_ptr()).get(values);
      for (float v : values) {
        all.add(v);
      }
    }
    float[] out = new float[all.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = all.get(i);
    }
    return out;
  }

  @Test
  void theOriginalStaysAndTheRunRepeatsBitByBit() {
    try (PointerScope scope = new PointerScope();
        Backbone original = model(1)) {
      float[] before = weights(original);
      float[][] after = new float[2][];
      for (int i = 0; i < 2; i++) {
        UnlearnLoop.Result result =
            new UnlearnLoop(engine, config("lotus", 2, 1e-3, 8, 1.5, Augmentation.NONE))
                .run(original, data, e -> {});
        try (Backbone student = result.model()) {
          after[i] = weights(student);
        }
        assertThat(result.trace()).hasSize(2);
        assertThat(result.trace()).allSatisfy(e -> assertThat(e.tau()).isEqualTo(1.5));
      }
      assertThat(weights(original)).isEqualTo(before);
      assertThat(after[0]).isNotEqualTo(before).isEqualTo(after[1]);
    }
  }

  /** Where input is not augmented the teacher's logits are kept; that must not change the run. */
  @Test
  void keptTeacherLogitsAreTheTeachers() {
    try (PointerScope scope = new PointerScope();
        Backbone original = model(2)) {
      UnlearnConfig config = config("lotus", 1, 0, 8, 1.5, Augmentation.NONE);
      UnlearnMethod.Task task = new UnlearnMethod.Task(engine, data, original, original, config);
      EpochOrder order = EpochOrder.of(data.split().forget());
      try (TeacherLogits kept = TeacherLogits.of(task, order);
          BatchLoader loader =
              new BatchLoader(
                  data.dataset().train(),
                  engine.normalization(),
                  Augmentation.NONE,
                  32,
                  ComputeDevice.CPU);
          NoGradGuard noGrad = new NoGradGuard()) {
        var batches = loader.epoch(order.shuffled(5, 3), 3, 5);
        while (batches.hasNext()) {
          var batch = batches.next();
          double difference =
              kept.of(batch).sub(original.forward(batch.images())).abs().max().item_float();
          assertThat(difference).isLessThan(1e-4);
        }
      }
    }
  }

  @Test
  void tauFollowsTheGapAndTheRunStops() {
    try (Backbone original = model(3)) {
      SetStatistics unseen =
          new Evaluator(engine)
              .statistics(original, data.dataset().heldOut(), data.split().val(), "unseen");
      SetStatistics forget =
          new Evaluator(engine)
              .statistics(original, data.dataset().train(), data.split().forget(), "forget");
      List<EpochTrace> seen = new ArrayList<>();
      UnlearnLoop.Result result =
          new UnlearnLoop(engine, config("lotus", 3, 1e-3, 2, null, Augmentation.NONE))
              .run(original, data, seen::add);
      try (Backbone student = result.model()) {
        Temperature temperature = new Temperature(2);
        if (temperature.stops(forget.accuracy(), unseen.accuracy())) {
          assertThat(seen).isEmpty();
        } else {
          assertThat(seen.get(0).accForget()).isEqualTo(forget.accuracy());
          assertThat(seen.get(0).accUnseen()).isEqualTo(unseen.accuracy());
        }
        for (EpochTrace e : seen) {
          assertThat(e.tau()).isEqualTo(Math.exp(2 * (e.accForget() - e.accUnseen())));
          assertThat(e.accForget() - e.accUnseen()).isGreaterThan(-0.01);
          assertThat(e.loss()).isPositive();
        }
        assertThat(result.trace()).isEqualTo(seen);
      }
    }
  }

  @Test
  void aLossThatBecomesNaNIsAResultWithEpochAndStep() {
    try (Backbone original = model(4)) {
      assertThatThrownBy(
              () ->
                  new UnlearnLoop(engine, config("finetune", 3, 1e30, 8, null, Augmentation.NONE))
                      .run(original, data, e -> {}))
          .isInstanceOf(ResultException.class)
          .hasMessageMatching("the loss became .* in epoch [12], step \\d+ of the run; lower --lr");
    }
  }

  @Test
  void trainingMemorisesTheSamplesItSees() {
    try (Backbone model = model(5)) {
      int[] indices = data.split().forget();
      List<EpochTrace> trace =
          new TrainLoop(engine, new TrainLoop.Config(12, 20, 0.05, 0, Augmentation.NONE, 1))
              .run(model, data.dataset().train(), indices, e -> {});
      assertThat(trace).hasSize(12);
      assertThat(trace.get(11).loss()).isLessThan(0.7 * trace.get(0).loss());
    }
  }

  @Test
  void theScheduleIsWarmUpOrConstant() {
    for (TrainLoop.Schedule schedule : TrainLoop.Schedule.values()) {
      LearningRate rate =
          new TrainLoop.Config(10, 8, 0.4, 0, schedule, Augmentation.NONE, 1).rate();
      double[] rates = IntStream.range(0, 10).mapToDouble(rate::at).toArray();
      if (schedule == TrainLoop.Schedule.CONSTANT) {
        assertThat(rates).containsOnly(0.4);
      } else {
        assertThat(rates[0]).isLessThan(rates[1]);
        assertThat(rates[9]).isPositive().isLessThan(0.1);
      }
    }
  }

  @Test
  void bf16RunsTheSameLoop() {
    Engine bf16 =
        new Engine(ComputeDevice.CPU, Precision.BF16, engine.normalization(), Engine.Listener.NONE);
    try (Backbone original = model(6)) {
      UnlearnConfig config = config("lotus", 1, 1e-3, 8, 1.5, new Augmentation(4, false));
      try (Backbone a = new UnlearnLoop(bf16, config).run(original, data, e -> {}).model();
          Backbone b = new UnlearnLoop(engine, config).run(original, data, e -> {}).model()) {
        SetStatistics first =
            new Evaluator(engine)
                .statistics(a, data.dataset().train(), data.split().forget(), "forget");
        SetStatistics second =
            new Evaluator(engine)
                .statistics(b, data.dataset().train(), data.split().forget(), "forget");
        assertThat(first.meanLoss())
            .isCloseTo(
                second.meanLoss(), org.assertj.core.api.Assertions.within(0.1 * second.meanLoss()));
      }
    }
  }

  /** 200 steps leave no native object behind. */
  @Test
  void memoryIsFlatOverManySteps() {
    try (Backbone student = model(7);
        Backbone original = model(8)) {
      UnlearnConfig config = config("lotus", 1, 1e-4, 8, 1.5, Augmentation.NONE);
      UnlearnMethod.Task task = new UnlearnMethod.Task(engine, data, original, student, config);
      try (UnlearnMethod method = UnlearnMethods.entry("lotus").factory().create(config);
          WeightUpdate update = method.optimizer(task);
          EpochRunner runner =
              new EpochRunner(
                  engine, student, update, data.dataset().train(), Augmentation.NONE, 4)) {
        method.prepare(task);
        method.begin(task, 0);
        EpochOrder few = EpochOrder.of(Arrays.copyOf(data.split().forget(), 40));
        Pass pass = Pass.of(few, method.passes(task, 0).get(0).step());
        runner.run(pass, "epoch 1", 0, 1, 1e-4);
        runner.run(pass, "epoch 2", 1, 1, 1e-4);
        long objects = Pointer.totalCount();
        long bytes = Pointer.totalBytes();
        for (int epoch = 2; epoch < 22; epoch++) {
          runner.run(pass, "epoch", epoch, 1, 1e-4);
        }
        assertThat(Pointer.totalCount()).isLessThanOrEqualTo(objects);
        assertThat(Pointer.totalBytes()).isLessThanOrEqualTo(bytes);
      }
    }
  }
}
