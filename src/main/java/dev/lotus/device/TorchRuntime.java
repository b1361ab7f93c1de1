package dev.lotus.device;

import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/**
 * libtorch as a process-wide facility: loaded once, with a thread count, its exceptions made
 * readable.
 */
public final class TorchRuntime {
  private static boolean loaded;

  private TorchRuntime() {}

  /**
   * Loads libtorch on the calling thread if that has not happened yet, and sets its intra-operation
   * threads.
   *
   * <p>Synchronized because two threads that load at once race inside libtorch's static
   * initialisation. Loading and the first operation take about 1.6 s.
   *
   * @param threads threads an operation may use; 0 = one for each available processor
   * @throws InputException if {@code threads} is negative, or libtorch cannot be loaded on this
   *     machine
   */
  public static synchronized void load(int threads) {
    if (threads < 0) {
      throw new InputException(
          "threads = " + threads + ": give a positive number, or 0 for one a processor");
    }
    loadOnce();
    torch.set_num_threads(threads == 0 ? Runtime.getRuntime().availableProcessors() : threads);
  }

  /** Threads an operation may use; the last bits of results depend on it. */
  public static int threads() {
    loadOnce();
    return torch.get_num_threads();
  }

  /** Loads libtorch and leaves its thread count alone. */
  public static synchronized void loadOnce() {
    if (loaded) {
      return;
    }
    try {
      Loader.load(torch.class);
    } catch (LinkageError e) {
      throw new InputException(
          "libtorch does not load on this machine ("
              + rootText(e)
              + "); its GPU build needs CUDA 13, cuDNN 9 and NCCL on LD_LIBRARY_PATH",
          e);
    }
    loaded = true;
  }

  /**
   * What the system said, such as the name of the missing library: the loader wraps it in an error
   * of its own.
   */
  static String rootText(Throwable error) {
    Throwable root = error;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return firstLine(root);
  }

  /**
   * The first line of an exception's message: libtorch appends some 3 KB of C++ stack to each.
   *
   * @return the line, or the exception's class name where it has no message
   */
  public static String firstLine(Throwable error) {
    String message = error.getMessage();
    if (message == null || message.isBlank()) {
      return error.getClass().getSimpleName();
    }
    return message.strip().lines().findFirst().orElseThrow().strip();
  }

  /** Whether memory ran out: libtorch's CUDA and CPU allocators say so in words only. */
  public static boolean outOfMemory(Throwable error) {
    String line = firstLine(error);
    return error instanceof RuntimeException
        && (line.contains("CUDA out of memory") || line.contains("can't allocate memory"));
  }
}
