package dev.lotus.track;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;

/**
 * An MLflow tracking server, by its REST interface, version 2.0.
 *
 * @see <a href="https://mlflow.org/docs/latest/rest-api.html">MLflow: REST API</a>
 */
final class MlflowServer {
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final Duration ANSWER = Duration.ofSeconds(10);
  private static final String JSON = "application/json";
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  private final URI address;
  private final String experiment;
  private String experimentId;
  private HttpClient client;

  MlflowServer(URI address, String experiment) {
    this.address = address;
    this.experiment = experiment;
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
    try {
      HttpResponse<byte[]> response =
          client()
              .send(
                  request.uri(target).timeout(ANSWER).header("Accept", JSON).build(),
                  BodyHandlers.ofByteArray());
      return new Answer(path, response.statusCode(), parsed(response.body()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static JsonNode parsed(byte[] body) throws IOException {
    try {
      return MAPPER.readTree(body);
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
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
