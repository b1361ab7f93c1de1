package dev.lotus.dist;

import dev.lotus.device.InputException;
import java.util.Arrays;

/**
 * How the rows of a batch are dealt out to the processes: cut into shards of {@code rows}
 * consecutive rows, whose BatchNorm statistics are their own, and each process takes consecutive
 * whole shards. So one process computes what many do.
 *
 * @param batch rows of a whole batch; the last of an epoch has fewer
 * @param rows of a shard; a batch's last shard has what is left, and takes in a single row that
 *     would be left alone
 * @param rank of this process
 * @param size how many processes there are
 * @param joins whether a single row left is taken in; else it is a shard
 */
public record Shards(int batch, int rows, int rank, int size, boolean joins) {
  /**
   * @throws InputException where some process would never have a row
   */
  public Shards {
    if (batch < 1 || rows < 1) {
      throw new InputException("--batch " + batch + ", --bn-batch " + rows + ": give at least 1");
    }
    if (size > 1 && cut(batch, rows, joins).length < size) {
      throw new InputException(
          batch < size
              ? "--batch " + batch + " for " + size + " processes: give at least one image each"
              : "--bn-batch "
                  + rows
                  + " cuts a batch of "
                  + batch
                  + " into "
                  + cut(batch, rows, joins).length
                  + ", too few for "
                  + size
                  + " processes; give at most "
                  + batch / size);
    }
  }

  /** Whole batches for one process. */
  public static Shards whole(int batch) {
    return new Shards(batch, batch, 0, 1, true);
  }

  /**
   * For training.
   *
   * @param batch rows of all processes together
   * @param rows of a shard; null = a process's part
   */
  public static Shards of(WorkerGroup group, int batch, Integer rows) {
    return of(group.rank(), group.size(), batch, rows);
  }

  static Shards of(int rank, int size, int batch, Integer rows) {
    int each = rows == null ? part(batch, size) : Math.min(rows, batch);
    return new Shards(batch, each, rank, size, true);
  }

  /** Rows of a process, rounded up unless that left nothing for the last one. */
  private static int part(int batch, int size) {
    int up = Math.max(1, (batch + size - 1) / size);
    return cut(batch, up, true).length >= size ? up : Math.max(1, batch / size);
  }

  /** For evaluation: each process takes a batch of that many rows, in turn. */
  public static Shards inTurn(WorkerGroup group, int rows) {
    return new Shards(rows * group.size(), rows, group.rank(), group.size(), false);
  }

  /** Whether a batch is ever more than one shard. */
  public boolean several() {
    return rows < batch;
  }

  /** Rows of each shard of a batch that has so many. */
  public int[] cut(int batchRows) {
    return cut(batchRows, rows, joins);
  }

  private static int[] cut(int batchRows, int rows, boolean joins) {
    int rest = batchRows % rows;
    int whole = batchRows / rows;
    boolean joined = joins && rest == 1 && whole > 0;
    int[] cut = new int[whole + (rest == 0 || joined ? 0 : 1)];
    Arrays.fill(cut, rows);
    if (joined) {
      cut[whole - 1]++;
    } else if (rest > 0) {
      cut[whole] = rest;
    }
    return cut;
  }

  /** Rows of each shard that a process has of such a batch; none where there are too few. */
  public int[] of(int batchRows, int process) {
    int[] cut = cut(batchRows);
    return Arrays.copyOfRange(cut, first(cut, process), first(cut, process + 1));
  }

  /** The first row of a process in such a batch. */
  public int from(int batchRows, int process) {
    int[] cut = cut(batchRows);
    return Arrays.stream(cut, 0, first(cut, process)).sum();
  }

  /** This process's rows of such a batch. */
  public int own(int batchRows) {
    return Arrays.stream(of(batchRows, rank)).sum();
  }

  /** Whether some process has no row of such a batch. */
  public boolean leavesOut(int batchRows) {
    return cut(batchRows).length < size;
  }

  /** Rounded up: rank 0 has rows whenever anybody has. */
  private int first(int[] cut, int process) {
    return (int) (((long) cut.length * process + size - 1) / size);
  }
}
