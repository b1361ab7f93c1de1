package dev.lotus.track;

import dev.lotus.metric.Metrics;
import dev.lotus.report.EpochTrace;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A run that dashboards are told of. Values of an epoch are named {@code epoch/loss} and so on, the
 * final ones {@code metrics/acc_forget} and so on, as in run.json and metrics.json. A run that is
 * closed before {@link #done} counts as failed. To be used by one thread at a time.
 */
public final class TrackedRun implements AutoCloseable {
  /** Where the run is told of. */
  static final class Place {
    final TrackingSink sink;
    final SinkQueue queue;

    /** Seen and changed by the queue's thread alone. */
    boolean failed;

    Place(TrackingSink sink, SinkQueue queue) {
      this.sink = sink;
      this.queue = queue;
    }
  }

  private final List<Place> places;
  private final Runnable say;
  private long epoch;
  private boolean done;
  private boolean closed;

  /**
   * @param say is called after each call, on its thread, to say what failed before
   */
  TrackedRun(List<Place> places, Map<String, String> parameters, Runnable say) {
    this.places = List.copyOf(places);
    this.say = say;
    long now = System.currentTimeMillis();
    Map<String, String> fixed = new LinkedHashMap<>(parameters);
    each(sink -> sink.begin(now, fixed));
  }

  private interface Told {
    void tell(TrackingSink sink) throws IOException;
  }

  private void each(Told told) {
    for (Place place : places) {
      place.queue.submit(place, () -> told.tell(place.sink));
    }
    say.run();
  }

  /** An epoch is over. */
  public void epoch(EpochTrace trace) {
    epoch = trace.epoch();
    Map<String, Double> values = new LinkedHashMap<>();
    put(values, "epoch/loss", trace.loss());
    trace.phases().forEach((phase, loss) -> put(values, "epoch/loss_" + phase, loss));
    put(values, "epoch/tau", trace.tau());
    put(values, "epoch/acc_forget", trace.accForget());
    put(values, "epoch/acc_unseen", trace.accUnseen());
    put(values, "epoch/seconds", trace.seconds());
    scalars(values);
  }

  /** The model was measured. */
  public void metrics(Metrics metrics) {
    Map<String, Double> values = new LinkedHashMap<>();
    metrics
        .toMap()
        .forEach(
            (key, value) ->
                put(values, "metrics/" + key, value == null ? null : value.doubleValue()));
    scalars(values);
  }

  /** Neither place has a word for what is missing, or no number. */
  private static void put(Map<String, Double> values, String name, Double value) {
    if (value != null && Double.isFinite(value)) {
      values.put(name, value);
    }
  }

  private void scalars(Map<String, Double> values) {
    long now = System.currentTimeMillis();
    long step = epoch;
    each(sink -> sink.scalars(now, step, values));
  }

  /** Everything went well. */
  public void done() {
    done = true;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      long now = System.currentTimeMillis();
      boolean well = done;
      each(sink -> sink.end(now, well));
    }
  }
}
