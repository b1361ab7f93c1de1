package dev.lotus.track;

import java.io.IOException;
import java.util.Map;

/** One run in one place. Calls come from one thread, in order; after a failure none comes. */
interface TrackingSink {
  /** The run begins with these settings. */
  void begin(long millis, Map<String, String> parameters) throws IOException;

  /**
   * Values by name, all finite.
   *
   * @param millis since 1970, when they were known
   * @param step the epoch they belong to
   */
  void scalars(long millis, long step, Map<String, Double> values) throws IOException;

  /** The run is over. */
  void end(long millis, boolean done) throws IOException;

  /** For messages. */
  String place();
}
