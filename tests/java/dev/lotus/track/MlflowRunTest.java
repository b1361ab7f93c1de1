package dev.lotus.track;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.lotus.device.InputException;
import dev.lotus.metric.Metrics;
import dev.lotus.report.EpochTrace;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** MLflow's interface, and servers that fail. */
class MlflowRunTest {
  private static final EpochTrace EPOCH = new EpochTrace(1, 1.5, 0.75, 0.5, 2.25, 8.0);

  @TempDir Path temp;
  private final List<String> notes = new ArrayList<>();

  private Tracking tracking(URI server) {
    return new Tracking(new TrackingSettings(false, server, "Über α & co"), notes::add);
  }

  @Test
  void aRunIsToldFromItsBeginningToItsEnd() throws IOException {
    try (MlflowContract server = new MlflowContract()) {
      try (Tracking tracking = tracking(server.address())) {
        try (TrackedRun run = tracking.begin("lotus 1", temp, Map.of("alpha", "2", "tau", ""))) {
          run.epoch(EPOCH);
          run.metrics(Metrics.NONE.withSeconds(12.0));
          run.done();
        }
        tracking.begin("lotus 2", temp, Map.of()).close();
      }
      assertThat(server.violations).isEmpty();
      assertThat(notes).isEmpty();
      assertThat(server.experiments).containsOnlyKeys("Über α & co");
      MlflowContract.Run run = server.run("lotus 1");
      assertThat(run.status).isEqualTo("FINISHED");
      assertThat(run.params).isEqualTo(Map.of("alpha", "2"));
      assertThat(run.metrics)
          .isEqualTo(
              Map.of(
                  "epoch/loss@1", 2.25,
                  "epoch/tau@1", 1.5,
                  "epoch/acc_forget@1", 0.75,
                  "epoch/acc_unseen@1", 0.5,
                  "epoch/seconds@1", 8.0,
                  "metrics/seconds@1", 12.0));
      assertThat(server.run("lotus 2").status).isEqualTo("FAILED");
      assertThat(server.requests)
          .containsExactly(
              "experiments/get-by-name",
              "experiments/create",
              "runs/create",
              "runs/log-batch",
              "runs/log-batch",
              "runs/log-batch",
              "runs/update",
              "runs/create",
              "runs/update");
    }
  }

  @Test
  void theServersLimitsAreKept() throws IOException {
    try (MlflowContract server = new MlflowContract()) {
      server.experiments.put("x", "77");
      Map<String, String> parameters = new HashMap<>();
      for (int i = 0; i < 250; i++) {
        parameters.put("p" + i, "v".repeat(3 * i));
      }
      parameters.put("../a:b/", "bad name");
      parameters.put("n".repeat(300), "long name");
      Map<String, Double> values = new TreeMap<>();
      for (int i = 0; i < 2500; i++) {
        values.put("m" + i, (double) i);
      }
      MlflowRun run = new MlflowRun(new MlflowServer(server.address(), "x"), "many");
      run.begin(System.currentTimeMillis(), parameters);
      run.scalars(System.currentTimeMillis(), 3, values);
      run.end(System.currentTimeMillis(), true);
      assertThat(server.violations).isEmpty();
      assertThat(server.run("many").metrics).hasSize(2500).containsEntry("m2499@3", 2499.0);
      assertThat(server.run("many").params)
          .hasSize(251)
          .containsEntry("_a_b_", "bad name")
          .containsEntry("n".repeat(250), "long name")
          .containsEntry("p200", "v".repeat(500));
      assertThat(server.requests).filteredOn("runs/log-batch"::equals).hasSize(3 + 3);
    }
  }

  @Test
  void aServerThatIsDownIsSaidOnceAndStopsNothing() throws IOException {
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    try (Tracking tracking = tracking(URI.create("http://127.0.0.1:" + port))) {
      for (int i = 0; i < 2; i++) {
        try (TrackedRun run = tracking.begin("a run", temp, Map.of())) {
          run.epoch(EPOCH);
          run.done();
        }
      }
    }
    assertThat(notes).hasSize(1);
    assertThat(notes.get(0))
        .startsWith("note: MLflow at http://127.0.0.1:" + port + " is not told of this run (");
  }

  /** It accepts connections and never answers. */
  @Test
  void aServerThatHangsSlowsNothing() throws IOException {
    try (ServerSocket deaf = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      URI address = URI.create("http://127.0.0.1:" + deaf.getLocalPort());
      TrackingSettings settings = new TrackingSettings(false, address, "x");
      long begun = System.nanoTime();
      try (Tracking tracking = new Tracking(settings, notes::add, 300);
          TrackedRun run = tracking.begin("a run", temp, Map.of())) {
        for (int i = 0; i < 1000; i++) {
          run.epoch(EPOCH);
        }
        assertThat(System.nanoTime() - begun).isLessThan(3_000_000_000L);
        run.done();
      }
      assertThat(System.nanoTime() - begun).isLessThan(3_000_000_000L);
      assertThat(notes)
          .containsExactly(
              "note: " + address + " answers too slowly: it is not told of the last of this run");
    }
  }

  @Test
  void answersOfAnotherServerAreNamed() throws IOException {
    HttpServer other =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    int[] status = {200};
    other.createContext(
        "/",
        exchange -> {
          try (exchange) {
            byte[] page = "<html>hello</html>".getBytes();
            exchange.sendResponseHeaders(status[0], page.length);
            exchange.getResponseBody().write(page);
          }
        });
    other.start();
    try {
      URI address = URI.create("http://127.0.0.1:" + other.getAddress().getPort());
      MlflowRun run = new MlflowRun(new MlflowServer(address, "x"), "a run");
      assertThatThrownBy(() -> run.begin(1, Map.of()))
          .isInstanceOf(IOException.class)
          .hasMessage("the answer is none of an MLflow server");
      status[0] = 403;
      assertThatThrownBy(() -> run.begin(1, Map.of()))
          .hasMessage("experiments/get-by-name was answered 403");
    } finally {
      other.stop(0);
    }
  }

  @Test
  void addressesAreChecked() {
    for (String bad : new String[] {"localhost:5000", "file:///tmp/mlruns", "http:", "a b"}) {
      assertThatThrownBy(
              () -> new TrackingSettings(false, TrackingSettings.server(bad), "experiment"))
          .isInstanceOf(InputException.class)
          .hasMessageContaining(bad)
          .hasMessageContaining("such as http://localhost:5000");
    }
    assertThatThrownBy(
            () -> new TrackingSettings(false, URI.create("http://me:secret@host:5000"), "x"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("leave it out")
        .hasMessageNotContaining("secret");
  }
}
