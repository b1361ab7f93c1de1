package dev.lotus.track;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * An MLflow tracking server, by its REST interface, version 2.0.
 *
 * @see <a href="https://mlflow.org/docs/latest/rest-api.html">MLflow: REST API</a>
 */
final class MlflowServer {
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final Duration ANSWER = Duration.ofSeconds(10);

  /** So that each model of an experiment does not wait anew for a server that is not there. */
  private static final Duration BACK_OFF = Duration.ofMinutes(5);

  /** Bytes of an answer; MLflow's to these calls have some hundreds. */
  static final int MAX_ANSWER = 1 << 20;

  private static final String JSON = "application/json";
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  private final URI address;
  private final String experiment;
  private final Duration patience;
  private String experimentId;
  private HttpClient client;

  /** {@link System#nanoTime} until which it is not asked, after a call that it left unanswered. */
  private Long silentUntil;

  MlflowServer(URI address, String experiment) {
    this(address, experiment, ANSWER);
  }

  /**
   * @param patience for one call, from connecting to the last byte of the answer
   */
  MlflowServer(URI address, String experiment, Duration patience) {
    this.address = address;
    this.experiment = experiment;
    this.patience = patience;
  }

  URI address() {
    return address;
  }

  /** The experiment's identifier; it is made where there is none of the name. */
  String experimentId() throws IOException {
    if (experimentId == null) {
      experimentId = find();
    }
    if (experimentId == null) {
      Answer made = send("experiments/create", post(Map.of("name", experiment)));
      // Another process may have made it in between.
      experimentId = made.ok() ? text(made.json().path("experiment_id")) : find();
      if (experimentId == null) {
        throw made.failure();
      }
    }
    return experimentId;
  }

  private String find() throws IOException {
    String query = URLEncoder.encode(experiment, StandardCharsets.UTF_8);
    Answer found =
        send("experiments/get-by-name?experiment_name=" + query, HttpRequest.newBuilder().GET());
    if (found.ok()) {
      return text(found.json().path("experiment").path("experiment_id"));
    }
    if (found.json().path("error_code").asText().equals("RESOURCE_DOES_NOT_EXIST")) {
      return null;
    }
    throw found.failure();
  }

  /** Sends a request that must succeed. */
  JsonNode call(String path, Map<String, ?> body) throws IOException {
    Answer answer = send(path, post(body));
    if (!answer.ok()) {
      throw answer.failure();
    }
    return answer.json();
  }

  /** A text that an answer must hold. */
  static String text(JsonNode node) throws IOException {
    if (!node.isTextual() || node.textValue().isEmpty()) {
      throw new IOException("the answer is none of an MLflow server");
    }
    return node.textValue();
  }

  private static HttpRequest.Builder post(Map<String, ?> body) throws IOException {
    return HttpRequest.newBuilder()
        .header("Content-Type", JSON)
        .POST(BodyPublishers.ofByteArray(MAPPER.writeValueAsBytes(body)));
  }

  /** What the server said; an answer that is no JSON is an empty one. */
  private record Answer(String path, int status, JsonNode json) {
    boolean ok() {
      return status == 200;
    }

    IOException failure() {
      String message = json.path("message").asText("");
      return new IOException(
          path.replaceAll("\\?.*", "")
              + " was answered "
              + status
              + (message.isEmpty() ? "" : ", " + message.lines().findFirst().orElse("")));
    }
  }

  private Answer send(String path, HttpRequest.Builder request) throws IOException {
    String base = address.toString().replaceAll("/+$", "");
    URI target = URI.create(base + "/api/2.0/mlflow/" + path);
    HttpResponse<byte[]> response = exchange(request.uri(target).header("Accept", JSON).build());
    return new Answer(path, response.statusCode(), parsed(response.body()));
  }

  /** The request's own timeout would end with the answer's head, and its body could drip on. */
  private HttpResponse<byte[]> exchange(HttpRequest request) throws IOException {
    if (silentUntil != null && System.nanoTime() - silentUntil < 0) {
      throw new IOException("it gave no answer before, and is left alone for some minutes");
    }
    silentUntil = System.nanoTime() + BACK_OFF.toNanos();
    CompletableFuture<HttpResponse<byte[]>> answer =
        client().sendAsync(request, head -> new BoundedBody(MAX_ANSWER));
    try {
      HttpResponse<byte[]> whole = answer.get(patience.toMillis(), TimeUnit.MILLISECONDS);
      silentUntil = null;
      return whole;
    } catch (TimeoutException e) {
      throw new IOException("no whole answer within " + patience.toMillis() + " ms", e);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException known ? known : new IOException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      answer.cancel(true);
    }
  }

  private static JsonNode parsed(byte[] body) throws IOException {
    try {
      return MAPPER.readTree(body);
    } catch (JsonProcessingException e) {
      return MAPPER.createObjectNode();
    }
  }

  /** Its threads are daemons; it is made where it is first needed. */
  private HttpClient client() {
    if (client == null) {
      client =
          HttpClient.newBuilder()
              .version(HttpClient.Version.HTTP_1_1)
              .connectTimeout(CONNECT)
              .build();
    }
    return client;
  }
}
