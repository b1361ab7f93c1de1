package dev.lotus.bench;

import java.util.List;
import java.util.function.IntConsumer;

/**
 * One operation at one shape, on inputs of its own, beside its peers. A call takes the inputs
 * number {@code turn} modulo their count, so that a large shape never finds them in the cache.
 */
public interface KernelBenchmark extends AutoCloseable {
  /**
   * The same computation by other means.
   *
   * @param name {@code eager} = composed of libtorch operations
   * @param run one call
   */
  record Peer(String name, IntConsumer run) {}

  /**
   * The results of both sides on the same inputs.
   *
   * @param what which result of which peer
   * @param tolerance allowed difference, as a share of the largest expected value
   */
  record Agreement(String what, double[] fused, double[] expected, double tolerance) {}

  /** Bytes that a call must move at least: each input read once, each output written once. */
  long bytes();

  /** One call of the kernel. */
  void fused(int turn);

  /** None where the operation stands alone. */
  List<Peer> peers();

  /**
   * Runs both sides and returns what each computed; never empty where there is a peer. Some sides
   * go on from what they left behind: call this before either has run, or after both have run
   * equally often.
   */
  List<Agreement> agreements();

  /**
   * Microseconds below which no call can come on this machine, as far as its ceilings tell: here
   * the time to move {@link #bytes}. What computes much says more.
   */
  default double floorMicros(Ceilings ceilings) {
    return bytes() / ceilings.copyBytesPerMicro();
  }

  @Override
  void close();
}
