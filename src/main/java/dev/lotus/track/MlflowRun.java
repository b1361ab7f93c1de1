package dev.lotus.track;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A run on an MLflow server, within the server's limits. */
final class MlflowRun implements TrackingSink {
  /** Of one log-batch request. */
  static final int MAX_METRICS = 1000;

  static final int MAX_PARAMETERS = 100;

  /** Of a value; servers before 1.28 take no more, later ones 6,000. */
  static final int MAX_VALUE = 500;

  static final int MAX_KEY = 250;

  private final MlflowServer server;
  private final String name;
  private String runId;

  MlflowRun(MlflowServer server, String name) {
    this.server = server;
    this.name = name;
  }

  @Override
  public void begin(long millis, Map<String, String> parameters) throws IOException {
    Map<String, Object> run =
        Map.of(
            "experiment_id",
            server.experimentId(),
            "run_name",
            name,
            "start_time",
            millis,
            "tags",
            List.of(Map.of("key", "mlflow.source.name", "value", "lotus")));
    runId =
        MlflowServer.text(server.call("runs/create", run).path("run").path("info").path("run_id"));
    Map<String, Map<String, Object>> sent = new TreeMap<>();
    parameters.forEach(
        (key, value) -> {
          if (!value.isEmpty()) {
            String shown = value.length() > MAX_VALUE ? value.substring(0, MAX_VALUE) : value;
            sent.put(key(key), Map.of("key", key(key), "value", shown));
          }
        });
    batches("params", List.copyOf(sent.values()), MAX_PARAMETERS);
  }

  @Override
  public void scalars(long millis, long step, Map<String, Double> values) throws IOException {
    List<Map<String, Object>> metrics = new ArrayList<>();
    values.forEach(
        (key, value) ->
            metrics.add(
                Map.of("key", key(key), "value", value, "timestamp", millis, "step", step)));
    batches("metrics", metrics, MAX_METRICS);
  }

  @Override
  public void end(long millis, boolean done) throws IOException {
    server.call(
        "runs/update",
        Map.of("run_id", runId, "status", done ? "FINISHED" : "FAILED", "end_time", millis));
  }

  @Override
  public String place() {
    return "MLflow at " + server.address();
  }

  private void batches(String what, List<Map<String, Object>> all, int most) throws IOException {
    for (int from = 0; from < all.size(); from += most) {
      List<Map<String, Object>> some = all.subList(from, Math.min(all.size(), from + most));
      server.call("runs/log-batch", Map.of("run_id", runId, what, some));
    }
  }

  /** Letters, digits and {@code _-. /} are allowed, and what is no way up or back in a path. */
  private static String key(String name) {
    String key = name.replaceAll("[^A-Za-z0-9_\\-. /]", "_").replaceAll("/[/.]+|^[/.]+|/$", "_");
    return key.length() > MAX_KEY ? key.substring(0, MAX_KEY) : key;
  }
}
