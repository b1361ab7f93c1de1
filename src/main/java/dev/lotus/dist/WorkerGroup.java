package dev.lotus.dist;

import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The processes of a run. Every one calls the same collectives in the same order; each comes back
 * when all have. Results are the same bits in every process.
 *
 * <p>Tensors are contiguous, on the CPU or on the process's GPU. Used by one thread at a time.
 */
public interface WorkerGroup extends AutoCloseable {
  /** One process alone: nothing is sent. */
  WorkerGroup ALONE =
      new WorkerGroup() {
        @Override
        public int rank() {
          return 0;
        }

        @Override
        public int size() {
          return 1;
        }

        @Override
        public Pending sumLater(Tensor tensor, String what) {
          return () -> {};
        }

        @Override
        public void gather(Tensor own, Tensor all, String what) {
          all.copy_(own.view_as(all));
        }

        @Override
        public void broadcast(Tensor tensor, String what) {}

        @Override
        public String broadcast(String text, String what) {
          return text;
        }

        @Override
        public List<String> exchange(String own, int seconds) {
          return List.of(own);
        }

        @Override
        public int timeoutSeconds() {
          return 0;
        }

        @Override
        public void doing(String what) {}

        @Override
        public long bytesSent() {
          return 0;
        }

        @Override
        public void leave(String reason) {}

        @Override
        public void close() {}
      };

  /** A sum under way. */
  interface Pending {
    /**
     * Waits for it.
     *
     * @throws RankLostException if a process does not come
     */
    void await();
  }

  /** From 0; rank 0 decides, prints and writes. */
  int rank();

  int size();

  /** Whether there are no others. */
  default boolean alone() {
    return size() == 1;
  }

  /**
   * Begins to sum over all processes, in place. The tensor is the group's until it is awaited.
   *
   * @param what for an error's text: {@code gradients}
   */
  Pending sumLater(Tensor tensor, String what);

  /**
   * Sums over all processes, in place.
   *
   * @throws RankLostException if a process does not come
   */
  default void sum(Tensor tensor, String what) {
    sumLater(tensor, what).await();
  }

  /**
   * Brings every process's tensor to all.
   *
   * @param own of any shape, the same in all processes
   * @param all [size, ...] takes them, by rank
   * @throws RankLostException if a process does not come
   */
  void gather(Tensor own, Tensor all, String what);

  /**
   * Copies rank 0's tensor to all others.
   *
   * @throws RankLostException if a process does not come
   */
  void broadcast(Tensor tensor, String what);

  /**
   * Rank 0's text, in all processes.
   *
   * @param text only rank 0's counts; may be null
   * @throws RankLostException if a process does not come
   */
  String broadcast(String text, String what);

  /**
   * Waits until all processes are here.
   *
   * @throws RankLostException if a process does not come
   */
  default void meet(String what) {
    if (!alone()) {
      try (PointerScope scope = new PointerScope()) {
        sum(torch.zeros(1), what);
      }
    }
  }

  /**
   * Brings a line of each process to all at a place that all should reach, but not by a collective:
   * where this process gave up, the others may be in the middle of one.
   *
   * @param own not null
   * @param seconds longest wait for the others
   * @return by rank; null where they do not come in time
   */
  List<String> exchange(String own, int seconds);

  /** Longest wait for the others, in seconds. */
  int timeoutSeconds();

  /** What the process is at, for the others' errors: {@code step 12}. */
  void doing(String what);

  /** Bytes that this process has sent in collectives, as their algorithms send them. */
  long bytesSent();

  /**
   * This process ends without the others: tells them why, and waits until they know.
   *
   * @param reason in a line
   */
  void leave(String reason);

  /** Waits for the others, and parts from them. */
  @Override
  void close();
}
