package dev.lotus.track;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The part of MLflow's REST interface that is used, held to strictly: any other path, method,
 * field, type, name, length, number or order of requests is answered 400 and written down.
 *
 * @see <a href="https://mlflow.org/docs/latest/rest-api.html">MLflow: REST API</a>
 */
public final class MlflowContract implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PREFIX = "/proxy/api/2.0/mlflow/";

  /** What a run was told. */
  public static final class Run {
    public String name;
    public String status = "RUNNING";
    public final Map<String, String> params = new HashMap<>();

    /** "key@step" to value. */
    public final Map<String, Double> metrics = new HashMap<>();
  }

  public final List<String> requests = Collections.synchronizedList(new ArrayList<>());
  public final List<String> violations = Collections.synchronizedList(new ArrayList<>());
  public final Map<String, String> experiments = new ConcurrentHashMap<>();
  public final Map<String, Run> runs = new ConcurrentHashMap<>();
  private final HttpServer server;

  public MlflowContract() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::handle);
    server.start();
  }

  /** Behind a path, as proxies have it. */
  public URI address() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/proxy/");
  }

  public Run run(String name) {
    return runs.values().stream().filter(r -> r.name.equals(name)).findFirst().orElseThrow();
  }

  private static final class Refused extends Exception {
    private static final long serialVersionUID = 1L;
    private final int status;
    private final String code;

    Refused(int status, String code, String message) {
      super(message);
      this.status = status;
      this.code = code;
    }
  }

  private static void require(boolean holds, String what) throws Refused {
    if (!holds) {
      throw new Refused(400, "INVALID_PARAMETER_VALUE", what);
    }
  }

  private void handle(HttpExchange exchange) throws IOException {
    int status = 200;
    Object answer;
    try {
      answer = answer(exchange);
    } catch (Refused e) {
      status = e.status;
      answer = Map.of("error_code", e.code, "message", e.getMessage());
      if (status == 400) {
        violations.add(e.getMessage());
      }
    }
    byte[] body = JSON.writeValueAsBytes(answer);
    exchange.getResponseHeaders().add("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, body.length);
    try (exchange) {
      exchange.getResponseBody().write(body);
    }
  }

  private Object answer(HttpExchange exchange) throws IOException, Refused {
    String path = exchange.getRequestURI().getPath();
    require(path.startsWith(PREFIX), "no such path: " + path);
    String call = path.substring(PREFIX.length());
    requests.add(call);
    if (call.equals("experiments/get-by-name")) {
      require(exchange.getRequestMethod().equals("GET"), "get-by-name is a GET");
      return experiment(exchange.getRequestURI().getQuery());
    }
    require(exchange.getRequestMethod().equals("POST"), call + " is a POST");
    require(
        "application/json".equals(exchange.getRequestHeaders().getFirst("Content-Type")),
        "a body is application/json");
    byte[] bytes = exchange.getRequestBody().readAllBytes();
    require(bytes.length <= 1_000_000, "a request has at most 10^6 bytes");
    JsonNode body = JSON.readTree(bytes);
    return switch (call) {
      case "experiments/create" -> createExperiment(body);
      case "runs/create" -> createRun(body);
      case "runs/log-batch" -> logBatch(body);
      case "runs/update" -> update(body);
      default -> throw new Refused(400, "ENDPOINT_NOT_FOUND", "no such call: " + call);
    };
  }

  private Object experiment(String query) throws Refused {
    require(query.startsWith("experiment_name="), "experiment_name is wanted");
    String id = experiments.get(query.substring("experiment_name=".length()));
    if (id == null) {
      throw new Refused(404, "RESOURCE_DOES_NOT_EXIST", "no such experiment");
    }
    return Map.of("experiment", Map.of("experiment_id", id, "lifecycle_stage", "active"));
  }

  private Object createExperiment(JsonNode body) throws Refused {
    fields(body, "name");
    String name = text(body, "name", 500);
    require(!experiments.containsKey(name), "experiment exists");
    experiments.put(name, String.valueOf(experiments.size() + 1));
    return Map.of("experiment_id", experiments.get(name));
  }

  private Object createRun(JsonNode body) throws Refused {
    fields(body, "experiment_id", "run_name", "start_time", "tags");
    require(
        experiments.containsValue(text(body, "experiment_id", 64)), "no experiment of this number");
    long time = integer(body, "start_time");
    require(Math.abs(time - System.currentTimeMillis()) < 60_000, "milliseconds are wanted");
    for (JsonNode tag : body.path("tags")) {
      fields(tag, "key", "value");
      text(tag, "key", 250);
      text(tag, "value", 5000);
    }
    Run run = new Run();
    run.name = text(body, "run_name", 250);
    String id = "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d" + runs.size();
    runs.put(id, run);
    return Map.of("run", Map.of("info", Map.of("run_id", id, "status", run.status)));
  }

  private Run known(JsonNode body) throws Refused {
    Run run = runs.get(text(body, "run_id", 256));
    require(run != null, "no such run");
    require(run.status.equals("RUNNING"), "the run is over");
    return run;
  }

  private Object logBatch(JsonNode body) throws Refused {
    fields(body, "run_id", "metrics", "params", "tags");
    Run run = known(body);
    int metrics = body.path("metrics").size();
    int params = body.path("params").size();
    require(metrics <= 1000 && params <= 100, metrics + " metrics, " + params + " parameters");
    require(metrics + params > 0, "an empty batch");
    for (JsonNode metric : body.path("metrics")) {
      fields(metric, "key", "value", "timestamp", "step");
      require(metric.path("value").isNumber(), "a value is a number");
      integer(metric, "timestamp");
      String at = key(metric) + "@" + integer(metric, "step");
      require(run.metrics.put(at, metric.path("value").doubleValue()) == null, at + " twice");
    }
    for (JsonNode param : body.path("params")) {
      fields(param, "key", "value");
      String value = text(param, "value", 500);
      require(run.params.put(key(param), value) == null, "parameter " + key(param) + " twice");
    }
    return Map.of();
  }

  private Object update(JsonNode body) throws Refused {
    fields(body, "run_id", "status", "end_time");
    Run run = known(body);
    integer(body, "end_time");
    String status = text(body, "status", 20);
    require(Set.of("FINISHED", "FAILED", "KILLED").contains(status), "status " + status);
    run.status = status;
    return Map.of("run_info", Map.of("status", status));
  }

  private static void fields(JsonNode node, String... known) throws Refused {
    require(node.isObject(), "an object is wanted");
    for (var names = node.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      require(Set.of(known).contains(name), "unknown field " + name);
    }
  }

  private static String text(JsonNode node, String field, int most) throws Refused {
    JsonNode value = node.path(field);
    require(value.isTextual() && !value.textValue().isEmpty(), field + " is a text");
    int length = value.textValue().getBytes(StandardCharsets.UTF_8).length;
    require(length <= most, field + " of " + length + " bytes");
    return value.textValue();
  }

  private static long integer(JsonNode node, String field) throws Refused {
    require(node.path(field).isIntegralNumber(), field + " is a whole number");
    require(node.path(field).longValue() >= 0, field + " is not negative");
    return node.path(field).longValue();
  }

  private static String key(JsonNode node) throws Refused {
    String key = text(node, "key", 250);
    require(key.matches("[/\\w.\\- ]+"), "name " + key);
    require(!key.matches("/.*|.*/|.*//.*|\\..*|.*/\\..*"), "path " + key);
    return key;
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
