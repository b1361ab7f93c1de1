package dev.lotus.track;

import dev.lotus.device.InputException;
import java.net.URI;

/**
 * Where a run's numbers go.
 *
 * @param tensorboard whether event files are written
 * @param mlflow a server's address, such as {@code http://localhost:5000}, or null
 * @param experiment name under which MLflow lists the runs
 */
public record TrackingSettings(boolean tensorboard, URI mlflow, String experiment) {
  /** Nowhere. */
  public static final TrackingSettings NONE = new TrackingSettings(false, null, "lotus");

  /** MLflow's. */
  private static final int MAX_NAME = 500;

  /**
   * @throws InputException where the address is none of a server, or holds a password
   */
  public TrackingSettings {
    if (experiment.isBlank() || experiment.length() > MAX_NAME) {
      throw new InputException(
          "MLflow experiment '" + experiment + "': give a name of 1 to " + MAX_NAME + " letters");
    }
    if (mlflow != null) {
      if (!String.valueOf(mlflow.getScheme()).matches("https?") || mlflow.getHost() == null) {
        throw new InputException(
            "MLflow server " + mlflow + ": give an address such as http://localhost:5000");
      }
      if (mlflow.getRawUserInfo() != null) {
        throw new InputException(
            "MLflow server "
                + mlflow.getHost()
                + ": a password on a command line is seen by all on the machine; leave it out");
      }
    }
  }

  /**
   * The address of an MLflow server.
   *
   * @throws InputException if it is no address at all
   */
  public static URI server(String text) {
    try {
      return text == null ? null : URI.create(text);
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "MLflow server " + text + ": give an address such as http://localhost:5000", e);
    }
  }
}
