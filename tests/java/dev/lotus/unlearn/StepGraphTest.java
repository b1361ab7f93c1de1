package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.LeakCheck;
import dev.lotus.device.Precision;
import dev.lotus.load.Augmentation;
import dev.lotus.optim.WeightUpdate;
import dev.lotus.unlearn.StepGraph.Place;
import dev.lotus.unlearn.StepGraph.Recorder;
import dev.lotus.unlearn.StepGraph.Recording;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Recorded steps beside plain ones. On the CPU a recording is the work itself, done again: that
 * shows that a step takes all that changes from where a graph finds it. With a GPU it is a graph.
 */
@ExtendWith(LeakCheck.class)
class StepGraphTest {
  private static final int EPOCHS = 2;

  /** Nine full batches and a partial one an epoch. */
  private static final Rig RIG = Rig.of(40, 127, 16);

  private static final Recorder NEVER =
      new Recorder() {
        @Override
        public boolean records() {
          return false;
        }

        @Override
        public Place open() {
          throw new AssertionError("nothing is recorded");
        }

        @Override
        public Recording record(Runnable work, Runnable host) {
          throw new AssertionError("nothing is recorded");
        }
      };

  /** Does the work again; what it does on the host is done by {@code host} from the second on. */
  private record Again(Backbone student, boolean refuses) implements Recorder {
    @Override
    public boolean records() {
      return true;
    }

    @Override
    public Place open() {
      return () -> {};
    }

    @Override
    public Recording record(Runnable work, Runnable host) {
      if (refuses) {
        // A capture does nothing on the device, but the host has counted when it is refused.
        set(student, Arrays.stream(counters(student)).map(count -> count + 1).toArray());
        throw new IllegalStateException("operation not permitted when stream is capturing\nat 1");
      }
      return new Recording() {
        private boolean played;

        @Override
        public void play() {
          long[] counted = counters(student);
          work.run();
          if (played) {
            assertThat(counters(student)).isNotEqualTo(counted);
            set(student, counted);
            host.run();
          }
          played = true;
        }

        @Override
        public void close() {}
      };
    }
  }

  private static long[] counters(Backbone model) {
    return model.state().entrySet().stream()
        .filter(entry -> entry.getKey().endsWith("num_batches_tracked"))
        .mapToLong(entry -> entry.getValue().item_long())
        .toArray();
  }

  private static void set(Backbone model, long[] counted) {
    int[] at = {0};
    model
        .state()
        .forEach(
            (name, tensor) -> {
              if (name.endsWith("num_batches_tracked")) {
                tensor.data_ptr_long().put(counted[at[0]++]);
              }
            });
  }

  /** Counts, and remembers the notes. */
  private static final class Told implements Engine.Listener {
    private final List<String> notes = new ArrayList<>();
    private int repeated;
    private int forward;

    @Override
    public void repeated() {
      repeated++;
    }

    @Override
    public void note(String line) {
      notes.add(line);
    }

    @Override
    public void forward(Backbone model, Tensor images_BCHW) {
      forward++;
    }

    @Override
    public void begin(String what, long images) {}

    @Override
    public void advance(long images) {}

    @Override
    public void end() {}
  }

  private record Outcome(List<Double> losses, float[] state, long[] counters, Told told) {}

  private interface Recorders {
    Recorder of(Backbone student);
  }

  private static Outcome run(
      ComputeDevice device, String method, Augmentation augmentation, Recorders recorders) {
    Told told = new Told();
    Engine engine = Engine.open(device, Precision.FP32, RIG.data.dataset().normalization(), told);
    UnlearnConfig config = Rig.fixedTau(Rig.config(method, EPOCHS, 1e-3, 5e-4, augmentation));
    try (Backbone original = Backbones.create(new Arch("resnet20", 10, 3, 0.25, 32))) {
      original.initialise(3);
      original.train(false);
      engine.place(original);
      try (Backbone student = original.copy();
          UnlearnMethod steps = UnlearnMethods.entry(method).factory().create(config)) {
        UnlearnMethod.Task task =
            new UnlearnMethod.Task(engine, RIG.data, original, student, config);
        try (WeightUpdate update = steps.optimizer(task);
            EpochRunner runner =
                new EpochRunner(
                    engine,
                    student,
                    update,
                    RIG.data.dataset().train(),
                    augmentation,
                    config.batch(),
                    recorders.of(student))) {
          steps.prepare(task);
          List<Double> losses = new ArrayList<>();
          for (int epoch = 0; epoch < EPOCHS; epoch++) {
            steps.begin(task, epoch);
            for (Pass pass : steps.passes(task, epoch)) {
              losses.add(
                  runner.run(pass, "epoch " + epoch, epoch, config.seed(), 1e-3 / (epoch + 1)));
            }
          }
          student.train(false);
          return new Outcome(losses, state(student), counters(student), told);
        }
      }
    }
  }

  private static float[] state(Backbone model) {
    try (PointerScope scope = new PointerScope()) {
      List<Float> values = new ArrayList<>();
      for (Tensor tensor : model.state().values()) {
        for (float value :
            Evaluator.hostFloats(tensor.to(ScalarType.Float).cpu().contiguous().flatten())) {
          values.add(value);
        }
      }
      float[] all = new float[values.size()];
      for (int i = 0; i < all.length; i++) {
        all[i] = values.get(i);
      }
      return all;
    }
  }

  @ParameterizedTest
  @CsvSource({"lotus, false", "lotus, true", "finetune, true"})
  void recordedStepsAreThePlainOnes(String method, boolean cropped) {
    Augmentation augmentation = cropped ? new Augmentation(4, true) : Augmentation.NONE;
    Outcome plain = run(ComputeDevice.CPU, method, augmentation, student -> NEVER);
    Outcome recorded =
        run(ComputeDevice.CPU, method, augmentation, student -> new Again(student, false));
    assertThat(recorded.losses).isEqualTo(plain.losses);
    assertThat(recorded.state).isEqualTo(plain.state);
    assertThat(recorded.counters).isEqualTo(plain.counters);
    assertThat(plain.told.repeated).isZero();
    // The partial batches, and the first steps of all, are plain.
    int steps = (int) plain.counters[0];
    assertThat(recorded.told.repeated).isEqualTo(steps - EPOCHS - StepGraph.WARM_UP);
    assertThat(recorded.told.notes).isEmpty();
  }

  @Test
  void aRefusalIsToldAndChangesNothing() {
    Outcome plain = run(ComputeDevice.CPU, "lotus", Augmentation.NONE, student -> NEVER);
    Outcome refused =
        run(ComputeDevice.CPU, "lotus", Augmentation.NONE, student -> new Again(student, true));
    assertThat(refused.told.notes)
        .containsExactly(
            "steps are taken one operation after the other; one graph was refused: operation not"
                + " permitted when stream is capturing");
    assertThat(refused.told.repeated).isZero();
    assertThat(refused.counters).isEqualTo(plain.counters);
    assertThat(refused.losses).isEqualTo(plain.losses);
    assertThat(refused.state).isEqualTo(plain.state);
  }

  /** The same graph on a GPU; sums there may be taken in another order, so not to the bit. */
  @ParameterizedTest
  @CsvSource({"lotus, false", "lotus, true", "finetune, true"})
  void aGraphHasTheLossesOfPlainSteps(String method, boolean cropped) {
    ComputeDevice gpu = ComputeDevice.parse("auto");
    Assumptions.assumeTrue(gpu.cuda(), ComputeDevice::reason);
    Augmentation augmentation = cropped ? new Augmentation(4, true) : Augmentation.NONE;
    Outcome plain = run(gpu, method, augmentation, student -> NEVER);
    Outcome graph = run(gpu, method, augmentation, student -> new CudaRecorder(gpu));
    assertThat(graph.told.notes).isEmpty();
    assertThat(graph.told.repeated).isPositive();
    assertThat(graph.counters).isEqualTo(plain.counters);
    for (int i = 0; i < plain.losses.size(); i++) {
      assertThat(graph.losses.get(i)).isCloseTo(plain.losses.get(i), within(1e-3));
    }
  }
}
