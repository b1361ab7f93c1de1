package dev.lotus.unlearn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.lotus.backbone.Arch;
import dev.lotus.backbone.Backbone;
import dev.lotus.backbone.Backbones;
import dev.lotus.device.ComputeDevice;
import dev.lotus.device.InputException;
import dev.lotus.device.LeakCheck;
import dev.lotus.device.Precision;
import dev.lotus.dist.C10dGroup;
import dev.lotus.dist.Place;
import dev.lotus.dist.WorkerGroup;
import dev.lotus.load.Augmentation;
import dev.lotus.report.EpochTrace;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Two ranks of one group, each on a thread of this process, beside one that does the same alone.
 */
@ExtendWith(LeakCheck.class)
class SharedMethodsTest {
  private static final int SECONDS = 60;
  private static final List<String> ALONE = List.of("ssd", "unsir");

  /** Batches of 8 and a last one of 3, which leaves the second rank without a row. */
  private static final Rig RIG = Rig.of(11, 19, 6);

  private static final ExecutorService THREADS = Executors.newFixedThreadPool(2);
  private static WorkerGroup[] groups;

  /** What a run leaves. */
  private record Outcome(double[] losses, float[] state, double accuracy) {}

  private interface Work {
    Outcome of(WorkerGroup group) throws Exception;
  }

  @BeforeAll
  static void meet() throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    groups = new WorkerGroup[2];
    List<Future<WorkerGroup>> opened =
        Stream.of(0, 1)
            .map(rank -> new Place(rank, 2, rank, "127.0.0.1", port, false, "0", SECONDS))
            .map(place -> THREADS.submit(() -> C10dGroup.open(place, ComputeDevice.CPU)))
            .toList();
    for (int rank = 0; rank < 2; rank++) {
      groups[rank] = opened.get(rank).get(SECONDS, TimeUnit.SECONDS);
    }
  }

  @AfterAll
  static void part() throws Exception {
    Future<?> second = THREADS.submit(groups[1]::close);
    groups[0].close();
    second.get(SECONDS, TimeUnit.SECONDS);
    THREADS.shutdown();
  }

  static Stream<String> shared() {
    return UnlearnMethods.names().stream().filter(name -> !ALONE.contains(name));
  }

  private static Outcome run(WorkerGroup group, String method) {
    Engine engine =
        new Engine(
                ComputeDevice.CPU,
                Precision.FP32,
                RIG.data.dataset().normalization(),
                Engine.Listener.NONE)
            .in(group, 2);
    UnlearnConfig config =
        Rig.fixedTau(
            Rig.config(
                method,
                1,
                1e-3,
                5e-4,
                method.startsWith("salun") ? Augmentation.NONE : new Augmentation(2, true)));
    try (Backbone original = Backbones.create(new Arch("resnet20", 10, 3, 0.25, 32))) {
      original.initialise(2);
      UnlearnLoop.Result result =
          new UnlearnLoop(engine, config).run(original, RIG.data, epoch -> {});
      try (Backbone model = result.model()) {
        return new Outcome(
            result.trace().stream().mapToDouble(EpochTrace::loss).toArray(),
            Rig.state(model),
            new Evaluator(engine)
                .statistics(model, RIG.data.dataset().train(), RIG.data.split().retain(), "retain")
                .accuracy());
      }
    }
  }

  private static Outcome together(Work work) throws Exception {
    Future<Outcome> second = THREADS.submit(() -> work.of(groups[1]));
    Outcome first = work.of(groups[0]);
    Outcome other = second.get(SECONDS, TimeUnit.SECONDS);
    assertThat(other.losses).isEqualTo(first.losses);
    assertThat(other.state).isEqualTo(first.state);
    return first;
  }

  @ParameterizedTest
  @MethodSource("shared")
  void twoRanksDoAsOneProcess(String method) throws Exception {
    Outcome one = run(WorkerGroup.ALONE, method);
    requireClose(one, together(group -> run(group, method)));
  }

  private static void requireClose(Outcome one, Outcome two) {
    assertThat(one.losses).hasSize(1);
    assertThat(two.losses).hasSameSizeAs(one.losses);
    for (int epoch = 0; epoch < one.losses.length; epoch++) {
      double loss = one.losses[epoch];
      assertThat(two.losses[epoch]).isCloseTo(loss, within(1e-4 * Math.abs(loss)));
    }
    assertThat(two.accuracy).isCloseTo(one.accuracy, within(0.06));
    double moved = 0;
    for (int i = 0; i < one.state.length; i++) {
      moved = Math.max(moved, Math.abs(one.state[i] - two.state[i]));
    }
    assertThat(moved).isLessThan(1e-3);
  }

  @ParameterizedTest
  @MethodSource("alone")
  void whatCannotBeSharedIsRefusedByAll(String method) {
    Future<?> second = THREADS.submit(() -> run(groups[1], method));
    assertThatThrownBy(() -> run(groups[0], method))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("method " + method)
        .hasMessageContaining("one process");
    assertThatThrownBy(() -> second.get(SECONDS, TimeUnit.SECONDS))
        .hasCauseInstanceOf(InputException.class);
  }

  static Stream<String> alone() {
    return ALONE.stream();
  }
}
