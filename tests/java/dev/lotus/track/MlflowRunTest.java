package dev.lotus.track;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import dev.lotus.device.InputException;
import dev.lotus.metric.Metrics;
import dev.lotus.report.EpochTrace;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
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

  /** A run that waits for nothing is an experiment's next model. */
  @Test
  void aServerThatIsSilentIsLeftAloneForAWhile() throws IOException {
    try (ServerSocket deaf = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      URI address = URI.create("http://127.0.0.1:" + deaf.getLocalPort());
      MlflowServer server = new MlflowServer(address, "x", Duration.ofMillis(500));
      assertThatThrownBy(() -> new MlflowRun(server, "first").begin(1, Map.of()))
          .hasMessage("no whole answer within 500 ms");
      long begun = System.nanoTime();
      assertThatThrownBy(() -> new MlflowRun(server, "second").begin(1, Map.of()))
          .isInstanceOf(IOException.class)
          .hasMessage("it gave no answer before, and is left alone for some minutes");
      assertThat(System.nanoTime() - begun).isLessThan(400_000_000L);
    }
  }

  /** It accepts connections and never answers. */
  @Test
  void aServerThatHangsSlowsNothing() throws IOException {
    try (ServerSocket deaf = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      URI address = URI.create("http://127.0.0.1:" + deaf.getLocalPort());
      TrackingSettings settings = new TrackingSettings(true, address, "x");
      long begun = System.nanoTime();
      try (Tracking tracking = new Tracking(settings, notes::add, 2_000);
          TrackedRun run = tracking.begin("a run", temp, Map.of())) {
        for (int i = 0; i < 1000; i++) {
          run.epoch(EPOCH);
        }
        assertThat(System.nanoTime() - begun).isLessThan(1_500_000_000L);
        run.done();
      }
      assertThat(System.nanoTime() - begun).isLessThan(5_000_000_000L);
      // Beginning, settings, epochs and end: TensorBoard has waited for nobody.
      try (Stream<Path> files = Files.list(temp)) {
        assertThat(EventRecords.read(files.findFirst().orElseThrow())).hasSize(2 + 1000 + 1);
      }
      assertThat(notes)
          .containsExactly(
              "note: MLflow at "
                  + address
                  + " is too slow: it is not told of the last of this run");
    }
  }

  /** A server of another kind. */
  private static HttpServer other(HttpHandler handler) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", handler);
    server.start();
    return server;
  }

  private static URI address(HttpServer server) {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  @Test
  void answersOfAnotherServerAreNamed() throws IOException {
    int[] status = {200};
    HttpServer other =
        other(
            exchange -> {
              try (exchange) {
                byte[] page = "<html>hello</html>".getBytes(StandardCharsets.US_ASCII);
                exchange.sendResponseHeaders(status[0], page.length);
                exchange.getResponseBody().write(page);
              }
            });
    try {
      MlflowRun run = new MlflowRun(new MlflowServer(address(other), "x"), "a run");
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

  /** Its answer begins at once, and never ends. */
  @Test
  void anAnswerThatDripsHasADeadline() throws IOException {
    CountDownLatch over = new CountDownLatch(1);
    HttpServer dripping =
        other(
            exchange -> {
              try (exchange) {
                exchange.sendResponseHeaders(200, 0);
                do {
                  exchange.getResponseBody().write(' ');
                  exchange.getResponseBody().flush();
                } while (!over.await(20, TimeUnit.MILLISECONDS));
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
    try {
      MlflowServer server = new MlflowServer(address(dripping), "x", Duration.ofMillis(300));
      long begun = System.nanoTime();
      assertThatThrownBy(server::experimentId)
          .isInstanceOf(IOException.class)
          .hasMessage("no whole answer within 300 ms");
      assertThat(System.nanoTime() - begun).isBetween(250_000_000L, 5_000_000_000L);
    } finally {
      over.countDown();
      dripping.stop(0);
    }
  }

  @Test
  void anAnswerIsReadToABound() throws IOException {
    int[] length = {MlflowServer.MAX_ANSWER};
    HttpServer talking =
        other(
            exchange -> {
              try (exchange) {
                exchange.sendResponseHeaders(200, length[0]);
                exchange.getResponseBody().write(new byte[length[0]]);
              }
            });
    try {
      MlflowServer server = new MlflowServer(address(talking), "x");
      assertThatThrownBy(server::experimentId).hasMessage("the answer is none of an MLflow server");
      length[0]++;
      assertThatThrownBy(server::experimentId)
          .isInstanceOf(IOException.class)
          .hasMessage("the answer is longer than 1048576 bytes");
    } finally {
      talking.stop(0);
    }
  }

  /** Also an Error is one place's failure, said once, and the thread goes on. */
  @Test
  void whateverFailsIsSaidOnce() {
    List<String> begun = new ArrayList<>();
    TrackingSink failing =
        new TrackingSink() {
          @Override
          public void begin(long millis, Map<String, String> parameters) {
            begun.add("begin");
            throw new StackOverflowError();
          }

          @Override
          public void scalars(long millis, long step, Map<String, Double> values) {
            begun.add("scalars");
          }

          @Override
          public void end(long millis, boolean done) {
            begun.add("end");
          }

          @Override
          public String place() {
            return "a place";
          }
        };
    SinkQueue queue = new SinkQueue("a kind of place", notes::add);
    for (int i = 0; i < 2; i++) {
      TrackedRun.Place place = new TrackedRun.Place(failing, queue);
      try (TrackedRun run = new TrackedRun(List.of(place), Map.of(), () -> {})) {
        run.epoch(EPOCH);
      }
    }
    queue.shutdown();
    queue.await(System.nanoTime() + 10_000_000_000L);
    assertThat(begun).containsExactly("begin", "begin");
    assertThat(notes)
        .containsExactly(
            "note: a place is not told of this run (StackOverflowError); the run goes on");
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
