package dev.lotus.track;

import com.sun.net.httpserver.HttpServer;
import dev.lotus.device.InputException;
import dev.lotus.fuzz.FuzzTarget;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Map;

/** The body of a tracking server's answer, over HTTP on this machine. */
public final class ServerTargets {
  public static final List<String> NAMES = List.of("mlflow");

  private static volatile byte[] body = {};

  private ServerTargets() {}

  /** A body of odd length is that of an error; the seed has a word for both. */
  public static FuzzTarget target() throws IOException {
    // Else each body waits 40 ms for the client to acknowledge its head.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          byte[] sent = body;
          exchange.sendResponseHeaders(
              sent.length % 2 == 0 ? 200 : 400, sent.length == 0 ? -1 : sent.length);
          exchange.getResponseBody().write(sent);
          exchange.close();
        });
    server.start();
    URI address = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    MlflowServer client = new MlflowServer(address, "fuzz");
    return FuzzTarget.of(
        bytes -> {
          body = bytes;
          try {
            MlflowServer.text(
                client.call("runs/create", Map.of()).path("run").path("info").path("run_id"));
          } catch (IOException e) {
            throw new InputException(e.getMessage(), e);
          }
        },
        FuzzTarget.text(
            "{\"message\": \"a\\nb\", \"run\": {\"info\": {\"run_id\": \"0123456789abcdef\"}}}"));
  }
}
