package dev.lotus.dist;

import dev.lotus.device.InputException;
import java.util.Map;

/**
 * Which of how many processes this is, in the words of torchrun, Slurm and Kubernetes' PyTorch
 * jobs.
 *
 * @param rank from 0
 * @param size how many there are
 * @param localRank among those of this host, which picks its GPU
 * @param masterAddress host of rank 0, null where this process is alone
 * @param masterPort of the store that rank 0 serves there
 * @param agentStore whether torchrun itself serves the store
 * @param attempt number of the start, apart from others in one store
 * @param timeoutSeconds longest wait for the others
 */
public record Place(
    int rank,
    int size,
    int localRank,
    String masterAddress,
    int masterPort,
    boolean agentStore,
    String attempt,
    int timeoutSeconds) {
  /** The environment variable with the longest wait, in seconds. */
  public static final String TIMEOUT = "LOTUS_DIST_TIMEOUT";

  /** Longest wait if not said: checkpoints and slow disks take less. */
  public static final int TIMEOUT_SECONDS = 300;

  /** The port that PyTorch's own launchers take. */
  private static final String PORT = "29500";

  /** One process that computes everything. */
  public static final Place ALONE = new Place(0, 1, 0, null, 0, false, "0", TIMEOUT_SECONDS);

  /** Whether there are no others. */
  public boolean alone() {
    return size == 1;
  }

  /**
   * Reads RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT; where there is neither of the
   * first two, what {@code srun} sets for the processes of a step. (Not SLURM_NTASKS: a batch
   * script has that too, before any {@code srun}.)
   *
   * @throws InputException if only a part is set, or a value is none
   */
  public static Place of(Map<String, String> environment) {
    boolean slurm = !has(environment, "RANK") && !has(environment, "WORLD_SIZE");
    String rankName = slurm ? "SLURM_PROCID" : "RANK";
    String sizeName = slurm ? "SLURM_STEP_NUM_TASKS" : "WORLD_SIZE";
    if (slurm && (!has(environment, sizeName) || !has(environment, rankName))) {
      return ALONE;
    }
    int size = number(environment, sizeName, null, 1, 1 << 20);
    int rank = number(environment, rankName, null, 0, size - 1);
    if (size == 1) {
      return ALONE;
    }
    String localName = slurm ? "SLURM_LOCALID" : "LOCAL_RANK";
    int local = number(environment, localName, "0", 0, size - 1);
    if (!has(environment, "MASTER_ADDR")) {
      throw new InputException(
          "MASTER_ADDR is not set, but "
              + sizeName
              + " is "
              + size
              + ": give the host of rank 0"
              + (slurm
                  ? ", export MASTER_ADDR=$(scontrol show hostnames \"$SLURM_JOB_NODELIST\" | head -n 1)"
                  : ", as torchrun does"));
    }
    return new Place(
        rank,
        size,
        local,
        environment.get("MASTER_ADDR").strip(),
        number(environment, "MASTER_PORT", PORT, 1, 65535),
        "True".equals(environment.get("TORCHELASTIC_USE_AGENT_STORE")),
        environment.getOrDefault("TORCHELASTIC_RESTART_COUNT", "0"),
        number(environment, TIMEOUT, String.valueOf(TIMEOUT_SECONDS), 1, 1 << 20));
  }

  private static boolean has(Map<String, String> environment, String name) {
    return environment.containsKey(name) && !environment.get(name).isBlank();
  }

  private static int number(
      Map<String, String> environment, String name, String otherwise, int least, int most) {
    String text = has(environment, name) ? environment.get(name).strip() : otherwise;
    if (text == null) {
      throw new InputException(
          name + " is not set: RANK and WORLD_SIZE go together, set both or neither");
    }
    int value;
    try {
      value = Integer.parseInt(text);
    } catch (NumberFormatException e) {
      value = least - 1;
    }
    if (value < least || value > most) {
      throw new InputException(
          name
              + "="
              + text
              + " in the environment: must be a number from "
              + least
              + " to "
              + most);
    }
    return value;
  }
}
