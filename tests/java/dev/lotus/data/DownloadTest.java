package dev.lotus.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.lotus.device.InputException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a server on this machine that misbehaves in every way a server can. */
class DownloadTest {
  @TempDir Path temp;
  private final byte[] content = new byte[300_000];
  private final List<String> ranges = new ArrayList<>();
  private HttpServer server;
  private ExecutorService threads;
  private int requests;

  @BeforeEach
  void start() throws IOException {
    new Random(1).nextBytes(content);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    // A connection that the client has left may still be served when the next one comes.
    threads = Executors.newCachedThreadPool();
    server.setExecutor(threads);
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
    threads.shutdownNow();
  }

  /** What a server does with the n-th request, from 1. */
  private interface Behaviour {
    void answer(HttpExchange exchange, int from, int request) throws IOException;
  }

  private Catalog.File serve(Behaviour behaviour) {
    server.createContext(
        "/set.bin",
        exchange -> {
          String range = exchange.getRequestHeaders().getFirst("Range");
          ranges.add(String.valueOf(range));
          int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
          try (exchange) {
            behaviour.answer(exchange, from, ++requests);
          }
        });
    String sum = "sha256:" + new Checksum().add(content).hex();
    return new Catalog.File(address("/set.bin"), content.length, sum);
  }

  private URI address(String path) {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + path);
  }

  private Path fetch(Catalog.File file) {
    return new Download(1, (done, total) -> {}).fetch(file, temp);
  }

  private void send(HttpExchange exchange, int from, int end, long claimed) throws IOException {
    if (from > 0) {
      String range = "bytes " + from + "-" + (content.length - 1) + "/" + content.length;
      exchange.getResponseHeaders().add("Content-Range", range);
    }
    exchange.sendResponseHeaders(from > 0 ? 206 : 200, claimed);
    exchange.getResponseBody().write(content, from, end - from);
    exchange.getResponseBody().flush();
  }

  @Test
  void fetchesAndIsContentWithWhatIsThere() throws IOException {
    Catalog.File file = serve((e, from, n) -> send(e, from, content.length, content.length - from));
    assertThat(Files.readAllBytes(fetch(file))).isEqualTo(content);
    fetch(file);
    assertThat(requests).isEqualTo(1);
    Files.write(temp.resolve("set.bin"), new byte[5]);
    assertThatThrownBy(() -> fetch(file))
        .hasMessageContaining("has 5 bytes")
        .hasMessageContaining("move it away");
    assertThat(temp.resolve("set.bin.part")).doesNotExist();
  }

  @Test
  void goesOnWhereTheConnectionWasCut() throws IOException {
    Catalog.File file =
        serve(
            (e, from, n) -> {
              int end = n < 4 ? Math.min(content.length, from + 70_000) : content.length;
              send(e, from, end, content.length - from);
            });
    assertThat(Files.readAllBytes(fetch(file))).isEqualTo(content);
    assertThat(requests).isEqualTo(4);
    assertThat(ranges.get(0)).isEqualTo("null");
    assertThat(ranges.get(3)).startsWith("bytes=").isNotEqualTo(ranges.get(2));
  }

  @Test
  void anotherRunGoesOnAfterOneThatGaveUp() throws IOException {
    Catalog.File file =
        serve(
            (e, from, n) -> {
              int end = n <= 5 ? Math.min(content.length, from + 20_000) : content.length;
              send(e, from, end, content.length - from);
            });
    assertThatThrownBy(() -> fetch(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("gave up after 5 attempts")
        .hasMessageContaining("next run goes on at byte");
    assertThat(temp.resolve("set.bin")).doesNotExist();
    assertThat(Files.readAllBytes(fetch(file))).isEqualTo(content);
    assertThat(requests).isEqualTo(6);
  }

  /** Bytes come, but so few that the file would never be there. */
  @Test
  void aConnectionThatAllButStandsStillEnds() throws IOException {
    Catalog.File file =
        serve(
            (e, from, n) -> {
              if (n > 5) {
                send(e, from, content.length, content.length - from);
                return;
              }
              send(e, from, from + 1000, content.length - from);
              for (int i = 0; i < 40; i++) {
                sleep(20);
                e.getResponseBody().write(content, from + 1000 + i, 1);
                e.getResponseBody().flush();
              }
            });
    Download hasty = new Download(1, 200, (done, total) -> {});
    assertThatThrownBy(() -> hasty.fetch(file, temp))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("gave up after 5 attempts")
        .hasMessageContaining("the connection stands still: ")
        .hasMessageContaining(" bytes in 0.2 s")
        .hasMessageContaining("next run goes on at byte 5");
    assertThat(Files.readAllBytes(hasty.fetch(file, temp))).isEqualTo(content);
    assertThat(ranges.get(5)).startsWith("bytes=5");
  }

  @Test
  void aConnectionThatStandsStillGoesOn() throws IOException {
    Catalog.File file =
        serve(
            (e, from, n) -> {
              if (n == 1) {
                send(e, from, 100_000, content.length - from);
                sleep(600);
              } else {
                send(e, from, content.length, content.length - from);
              }
            });
    Path fetched = new Download(1, 200, (done, total) -> {}).fetch(file, temp);
    assertThat(Files.readAllBytes(fetched)).isEqualTo(content);
    assertThat(ranges).containsExactly("null", "bytes=100000-");
  }

  private static void sleep(long ms) throws IOException {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  @Test
  void aServerThatIgnoresTheRangeStartsAgain() throws IOException {
    Files.write(temp.resolve("set.bin.part"), Arrays.copyOf(content, 1000));
    Catalog.File file = serve((e, from, n) -> send(e, 0, content.length, content.length));
    assertThat(Files.readAllBytes(fetch(file))).isEqualTo(content);
  }

  @Test
  void aPartThatIsNoBeginningIsGivenUp() throws IOException {
    Files.write(temp.resolve("set.bin.part"), new byte[1000]);
    Catalog.File file =
        serve(
            (e, from, n) -> {
              if (from > 0) {
                e.sendResponseHeaders(416, -1);
              } else {
                send(e, 0, content.length, content.length);
              }
            });
    assertThat(Files.readAllBytes(fetch(file))).isEqualTo(content);
    assertThat(ranges).containsExactly("bytes=1000-", "null");
  }

  /** Another file's beginning is found by the sum, and the next run starts anew. */
  @Test
  void aStalePartIsFoundAndDeleted() throws IOException {
    Files.write(temp.resolve("set.bin.part"), new byte[1000]);
    Catalog.File file = serve((e, from, n) -> send(e, from, content.length, content.length - from));
    assertThatThrownBy(() -> fetch(file)).hasMessageContaining("is not the published file");
    assertThat(Files.readAllBytes(fetch(file))).isEqualTo(content);
    Files.write(temp.resolve("set.bin.part"), new byte[content.length + 1]);
    Files.delete(temp.resolve("set.bin"));
    assertThat(Files.readAllBytes(fetch(file))).isEqualTo(content);
  }

  @Test
  void twoRunsDoNotWriteOneFile() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch refused = new CountDownLatch(1);
    Catalog.File file =
        serve(
            (e, from, n) -> {
              begun.countDown();
              try {
                refused.await(20, TimeUnit.SECONDS);
              } catch (InterruptedException interrupted) {
                throw new IOException(interrupted);
              }
              send(e, from, content.length, content.length - from);
            });
    ExecutorService other = Executors.newSingleThreadExecutor();
    try {
      Future<Path> first = other.submit(() -> fetch(file));
      assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();
      assertThatThrownBy(() -> fetch(file))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("another download is writing");
      refused.countDown();
      assertThat(Files.readAllBytes(first.get())).isEqualTo(content);
      assertThat(requests).isEqualTo(1);
    } finally {
      refused.countDown();
      other.shutdown();
    }
  }

  @Test
  void wrongBytesAreRefusedAndDeleted() {
    Catalog.File file =
        serve(
            (e, from, n) -> {
              byte[] wrong = content.clone();
              wrong[12345] ^= 1;
              e.sendResponseHeaders(200, wrong.length);
              e.getResponseBody().write(wrong);
            });
    assertThatThrownBy(() -> fetch(file))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("is not the published file")
        .hasMessageContaining("sha256");
    assertThat(temp).isEmptyDirectory();
  }

  @Test
  void aWrongLengthIsRefusedAtOnce() {
    Catalog.File file =
        serve(
            (e, from, n) -> {
              e.sendResponseHeaders(200, 4_000_000_000L);
              e.getResponseBody().write(content);
            });
    assertThatThrownBy(() -> fetch(file)).hasMessageContaining("says 4000000000 bytes");
    assertThat(requests).isEqualTo(1);
  }

  @Test
  void moreBytesThanAnnouncedElsewhereAreNotKept() {
    Catalog.File file =
        serve(
            (e, from, n) -> {
              // No length at all: chunked, without end in sight.
              e.sendResponseHeaders(200, 0);
              for (int i = 0; i < 10; i++) {
                e.getResponseBody().write(content);
              }
            });
    assertThatThrownBy(() -> fetch(file)).hasMessageContaining("more than the 300000 bytes");
    assertThat(temp).isEmptyDirectory();
  }

  @Test
  void errorsOfTheServerAreTriedAgainThoseOfTheAddressAreNot() throws IOException {
    Catalog.File file =
        serve(
            (e, from, n) -> {
              if (n < 3) {
                e.sendResponseHeaders(503, -1);
              } else {
                send(e, from, content.length, content.length - from);
              }
            });
    assertThat(Files.readAllBytes(fetch(file))).isEqualTo(content);
    assertThat(requests).isEqualTo(3);
    Catalog.File absent = new Catalog.File(address("/no.bin"), 5, file.sum());
    assertThatThrownBy(() -> fetch(absent)).hasMessageContaining("answered 404");
  }

  @Test
  void redirectsAreFollowedButNotForEver() throws IOException {
    Catalog.File file = serve((e, from, n) -> send(e, from, content.length, content.length - from));
    server.createContext("/moved/set.bin", e -> redirect(e, "/set.bin"));
    server.createContext("/loop/set.bin", e -> redirect(e, "/loop/set.bin"));
    server.createContext("/file/set.bin", e -> redirect(e, "file:///etc/passwd"));
    Catalog.File moved = new Catalog.File(address("/moved/set.bin"), file.bytes(), file.sum());
    assertThat(Files.readAllBytes(fetch(moved))).isEqualTo(content);
    Files.delete(temp.resolve("set.bin"));
    for (String path : new String[] {"/loop/set.bin", "/file/set.bin"}) {
      Catalog.File bad = new Catalog.File(address(path), file.bytes(), file.sum());
      assertThatThrownBy(() -> fetch(bad)).hasMessageContaining("redirects");
    }
  }

  private static void redirect(HttpExchange exchange, String to) throws IOException {
    try (exchange) {
      exchange.getResponseHeaders().add("Location", to);
      exchange.sendResponseHeaders(302, -1);
    }
  }
}
