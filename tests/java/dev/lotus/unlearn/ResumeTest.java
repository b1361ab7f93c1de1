package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.data.Dataset;
import dev.lotus.data.Datasets;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import dev.lotus.device.TorchRuntime;
import dev.lotus.load.Augmentation;
import dev.lotus.load.EpochOrder;
import dev.lotus.report.EpochTrace;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A run that is broken off and goes on ends in the same bits, whatever the method and the step. */
@ExtendWith(LeakCheck.class)
class ResumeTest {
  private static final RunIdentity IDENTITY =
      RunIdentity.of(Map.of("--method", "one", "data", "d"));

  private static Rig rig;

  /** Breaks a run off, as a crash would, once so many batches of training are done. */
  private static final class Crash implements Engine.Listener {
    private int left;
    private boolean epoch;

    Crash(int batches) {
      left = batches;
    }

    @Override
    public void begin(String what, long images) {
      epoch = what.startsWith("epoch");
    }

    @Override
    public void advance(long images) {
      if (epoch && left-- == 0) {
        throw new IllegalStateException("crash");
      }
    }

    @Override
    public void end() {
      epoch = false;
    }
  }

  @BeforeAll
  static void open() {
    TorchRuntime.load(2);
    // Of a class, whose unseen accuracy is 0: LoTUS does not stop, and tau follows the accuracy.
    rig = Rig.ofClass(10, 26, 12);
  }

  private static Engine engine(Engine.Listener listener) {
    Engine quiet = rig.engine;
    return new Engine(quiet.device(), quiet.precision(), quiet.normalization(), listener);
  }

  private static RunCheckpoints checkpoints(Path folder, double seconds, List<String> notes) {
    return new RunCheckpoints(folder, IDENTITY, ComputeDevice.CPU, seconds, notes::add);
  }

  static Stream<UnlearnConfig> everyMethod() {
    List<UnlearnConfig> configs = new ArrayList<>();
    for (String method : UnlearnMethods.names()) {
      UnlearnMethods.Entry entry = UnlearnMethods.entry(method);
      double lr = Math.max(entry.learningRate(), 1e-3);
      Augmentation pixels = new Augmentation(2, true);
      configs.add(Rig.config(method, 2, lr, entry.weightDecay()));
      UpstreamQuirk[] quirks = UpstreamQuirk.parse("all", method).toArray(UpstreamQuirk[]::new);
      configs.add(Rig.fixedTau(Rig.config(method, 2, lr, entry.weightDecay(), pixels, quirks)));
    }
    return configs.stream();
  }

  @ParameterizedTest
  @MethodSource("everyMethod")
  void whateverTheStep(UnlearnConfig config, @TempDir Path temp) {
    try (Backbone original = Rig.model(5)) {
      float[] undisturbed;
      UnlearnLoop.Result whole = rig.run(original, config);
      List<EpochTrace> trace = whole.trace();
      try (Backbone model = whole.model()) {
        undisturbed = Rig.state(model);
      }
      // Mid-epoch in the first and the second; SSD, whose steps are samples, in its second pass.
      int[] crashes = config.method().equals("ssd") ? new int[] {5, 12} : new int[] {1, 5};
      for (int batches : crashes) {
        Path folder = temp.resolve("run" + batches);
        assertThatThrownBy(
                () ->
                    new UnlearnLoop(engine(new Crash(batches)), config)
                        .run(
                            original, rig.data, e -> {}, checkpoints(folder, 0, new ArrayList<>())))
            .hasMessage("crash");
        RunCheckpoints kept = checkpoints(folder, 0, new ArrayList<>());
        assertThat(kept.find()).isTrue();
        UnlearnLoop.Result resumed =
            new UnlearnLoop(rig.engine, config).run(original, rig.data, e -> {}, kept);
        try (Backbone model = resumed.model()) {
          assertThat(Rig.state(model)).isEqualTo(undisturbed);
        }
        assertThat(timeless(resumed.trace())).isEqualTo(timeless(trace));
        kept.remove();
        assertThat(folder).isEmptyDirectory();
      }
    }
  }

  private static List<EpochTrace> timeless(List<EpochTrace> trace) {
    return trace.stream()
        .map(
            e ->
                new EpochTrace(
                    e.epoch(), e.tau(), e.accForget(), e.accUnseen(), e.loss(), e.phases(), 0.0))
        .toList();
  }

  @Test
  void trainingGoesOn(@TempDir Path temp) {
    Dataset dataset = Datasets.open("synthetic", null, 0);
    int[] indices = EpochOrder.all(50).indices();
    TrainLoop.Config config =
        new TrainLoop.Config(3, 8, 0.05, 5e-4, Augmentation.published(dataset, false), 9);
    try (Backbone whole = Rig.model(9);
        Backbone broken = Rig.model(9);
        Backbone resumed = Rig.model(123)) {
      new TrainLoop(rig.engine, config).tune(whole, dataset.train(), indices, e -> {});
      for (int batches : new int[] {3, 5, 6}) {
        RunCheckpoints kept = checkpoints(temp, 0, new ArrayList<>());
        kept.find();
        assertThatThrownBy(
                () ->
                    new TrainLoop(engine(new Crash(batches)), config)
                        .tune(broken, dataset.train(), indices, e -> {}, kept))
            .hasMessage("crash");
      }
      RunCheckpoints kept = checkpoints(temp, 0, new ArrayList<>());
      assertThat(kept.find()).isTrue();
      TrainLoop.Result result =
          new TrainLoop(rig.engine, config).tune(resumed, dataset.train(), indices, e -> {}, kept);
      assertThat(Rig.state(resumed)).isEqualTo(Rig.state(whole));
      assertThat(result.trace()).hasSize(3);
      assertThat(result.seconds())
          .isGreaterThan(result.trace().stream().mapToDouble(EpochTrace::seconds).sum());
    }
  }

  /** Breaks a run off in its second epoch and leaves its two checkpoints. */
  private static UnlearnConfig brokenRun(Path folder) {
    UnlearnConfig config = Rig.config("finetune", 2, 1e-3, 5e-4);
    try (Backbone original = Rig.model(5)) {
      assertThatThrownBy(
              () ->
                  new UnlearnLoop(engine(new Crash(6)), config)
                      .run(original, rig.data, e -> {}, checkpoints(folder, 0, new ArrayList<>())))
          .hasMessage("crash");
    }
    return config;
  }

  private static void flip(Path file, long place) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.seek(place);
      int value = bytes.read();
      bytes.seek(place);
      bytes.write(value ^ 4);
    }
  }

  @Test
  void aDamagedCheckpointGivesWayToTheOneBefore(@TempDir Path temp) throws IOException {
    UnlearnConfig config = brokenRun(temp);
    Path last = temp.resolve("checkpoint.safetensors");
    Path previous = temp.resolve("checkpoint.previous.safetensors");
    long size = Files.size(last);
    byte[] whole = Files.readAllBytes(last);
    // The header's length, its text, a weight, the seal.
    for (long place : new long[] {0, 200, size - 4000, size - 1}) {
      flip(last, place);
      List<String> notes = new ArrayList<>();
      assertThat(checkpoints(temp, 0, notes).find()).as("byte " + place).isTrue();
      assertThat(notes.get(0)).contains("SHA-256", "the one before it is used");
      assertThat(notes.get(1)).startsWith("going on from").contains("epoch 2, image 8");
      Files.write(last, whole);
    }
    try (RandomAccessFile bytes = new RandomAccessFile(last.toFile(), "rw")) {
      bytes.setLength(size / 2);
    }
    RunCheckpoints kept = checkpoints(temp, 0, new ArrayList<>());
    assertThat(kept.find()).isTrue();
    float[] undisturbed;
    try (Backbone original = Rig.model(5);
        Backbone a = rig.run(original, config).model();
        Backbone b =
            new UnlearnLoop(rig.engine, config).run(original, rig.data, e -> {}, kept).model()) {
      undisturbed = Rig.state(a);
      assertThat(Rig.state(b)).isEqualTo(undisturbed);
    }
    flip(last, 300);
    flip(previous, 300);
    assertThatThrownBy(() -> checkpoints(temp, 0, new ArrayList<>()).find())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("no checkpoint in " + temp + " is whole")
        .hasMessageContaining("the same command again begins anew");
    assertThat(last.resolveSibling("checkpoint.safetensors.damaged")).exists();
    assertThat(last.resolveSibling("checkpoint.previous.safetensors.damaged")).exists();
    assertThat(checkpoints(temp, 0, new ArrayList<>()).find()).isFalse();
    RunCheckpoints.removeFrom(temp);
    assertThat(temp).isEmptyDirectory();
  }

  @Test
  void anotherModelsCheckpointIsRefusedOrGivenUp(@TempDir Path temp) {
    UnlearnConfig config = brokenRun(temp);
    try (Backbone other =
        Backbones.create(new Arch("resnet20", rig.data.dataset().classes(), 3, 0.5, 32))) {
      other.initialise(1);
      RunCheckpoints kept = checkpoints(temp, 0, new ArrayList<>());
      assertThat(kept.find()).isTrue();
      assertThatThrownBy(
              () -> new UnlearnLoop(rig.engine, config).run(other, rig.data, e -> {}, kept))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("is of another run: ")
          .hasMessageContaining("tensor model.");
    }
  }

  @Test
  void anotherRunsCheckpointIsRefusedByWhatDiffers(@TempDir Path temp) {
    brokenRun(temp);
    assertThatThrownBy(
            () ->
                new RunCheckpoints(
                        temp,
                        RunIdentity.of(Map.of("--method", "two", "split", "s", "data", "d")),
                        ComputeDevice.CPU,
                        0,
                        note -> {})
                    .find())
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--method was one, is two")
        .hasMessageContaining("split was not said, is s")
        .hasMessageNotContaining("data");
  }

  @Test
  void aStopWaitsForTheStepAndItsCheckpoint(@TempDir Path temp) {
    UnlearnConfig config = Rig.config("finetune", 2, 1e-3, 5e-4);
    RunCheckpoints kept = checkpoints(temp, 1e9, new ArrayList<>());
    assertThat(kept.requestStop(15)).as("nothing runs").isFalse();
    Engine.Listener asks =
        new Engine.Listener() {
          @Override
          public void begin(String what, long images) {}

          @Override
          public void advance(long images) {
            assertThat(kept.requestStop(15)).isTrue();
            assertThat(kept.requestStop(15)).as("a second signal").isFalse();
          }

          @Override
          public void end() {}
        };
    try (Backbone original = Rig.model(5)) {
      assertThatThrownBy(
              () -> new UnlearnLoop(engine(asks), config).run(original, rig.data, e -> {}, kept))
          .isInstanceOf(RunStoppedException.class)
          .hasMessageContaining("--resume")
          .extracting(e -> ((RunStoppedException) e).signal())
          .isEqualTo(15);
    }
    List<String> notes = new ArrayList<>();
    assertThat(checkpoints(temp, 0, notes).find()).isTrue();
    assertThat(notes.get(0)).contains("epoch 1, image 8");
  }
}
